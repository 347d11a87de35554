"""Replicas that make their certificates themselves, in a Secret, and register their CA."""

from __future__ import annotations

import base64
import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from api import PODS, Api, ApiError, UnknownOutcomeError
from live_cluster import NAMESPACE, LiveCluster
from process import wait_until
from replicas import Replica, Replicas
from webhook import registration, rule

SECRET = "regionfit-tls"
SECRETS = f"/api/v1/namespaces/{NAMESPACE}/secrets"
SECRET_PATH = f"{SECRETS}/{SECRET}"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
CONFIGURATION_PATH = f"{CONFIGURATIONS}/regionfit"
LEADER = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/regionfit"
OVERLAP = 3
LONG = 90  # seconds; a rotation takes two overlaps, and what is told of replicas comes every ten seconds
REQUEST = "regionfit.io/request"


def parse_bundle(text: str) -> list[x509.Certificate]:
    end = "-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate((part + end).encode()) for part in text.split(end) if part.strip()]


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


class CertifiedReplicas(Replicas):
    """The configuration comes first, without a caBundle, as from a chart."""

    def certify(self, binary: Path, folder: Path) -> list[str]:
        options = ["--tls-secret", SECRET, "--tls-san", "127.0.0.1", "--webhook-configuration", "regionfit"]
        # Longer than the balancer takes to see that a replica is not ready any more.
        return [*options, "--ca-overlap", f"{OVERLAP}s", "--shutdown-delay", "2s"]

    def context(self) -> ssl.SSLContext:
        """Whom to trust is what is tested; readiness is asked without."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def start(self) -> None:
        try:
            self.balancer.start()
            self.configure()
            self.resume()
            before = self.answers()
            wait_until("the API server asks the replicas", lambda: self.are_asked(before))
        except BaseException:
            self.stop()
            raise

    def configure(self, **more: Any) -> None:
        """Applies what a chart would."""
        body = registration(f"127.0.0.1:{self.balancer.port}", "", [rule("pods", "CREATE")], self.timeout)
        del body["webhooks"][0]["clientConfig"]["caBundle"]
        body["webhooks"][0].update(more)
        self.cluster.kubectl("apply", "--server-side", "--field-manager=helm", "-f", "-", text=yaml.safe_dump(body))

    def leader(self, api: Api) -> Replica:
        """Waits until there is one that runs."""
        return wait_until("there is a leader", lambda: self.find_leader(api))

    def find_leader(self, api: Api) -> Replica | None:
        holder = api.get(LEADER)["spec"].get("holderIdentity", "")
        found = [replica for i, replica in enumerate(self.all) if holder == f"replica-{i}" and replica.process]
        return found[0] if found else None

    def served(self) -> list[x509.Certificate]:
        pems = [ssl.get_server_certificate(("127.0.0.1", replica.port)) for replica in self.all if replica.process]
        return [x509.load_pem_x509_certificate(pem.encode()) for pem in pems]


@contextmanager
def certified_replicas(
    regionfit: Path, live: LiveCluster, shared: Replicas, folder: Path
) -> Iterator[CertifiedReplicas]:
    """Three, in the place of the shared ones, which come back at the end."""
    shared.stop_all()
    account = ["--kubeconfig", str(live.write_account_kubeconfig())]
    certified = CertifiedReplicas(regionfit, live, folder, 3, *account, timeout=5)
    try:
        certified.start()
        yield certified
    finally:
        certified.stop()
        live.kubectl("delete", "secret", SECRET, "-n", NAMESPACE, "--ignore-not-found")
        shared.resume()
        shared.register()


def registered(api: Api) -> str:
    """The caBundle, as PEM."""
    (webhook,) = api.get(CONFIGURATION_PATH)["webhooks"]
    return base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode()


def stored(api: Api) -> dict[str, str]:
    """What is in the Secret."""
    return {key: base64.b64decode(value).decode() for key, value in api.get(SECRET_PATH)["data"].items()}


def server_of(api: Api) -> x509.Certificate:
    return x509.load_pem_x509_certificate(stored(api)["tls.crt"].encode())


def ca_of(api: Api) -> x509.Certificate:
    return x509.load_pem_x509_certificate(stored(api)["ca.crt"].encode())


def serve(certified: CertifiedReplicas, certificate: x509.Certificate) -> bool:
    return all(one == certificate for one in certified.served())


def is_quiet(certified: CertifiedReplicas, api: Api) -> bool:
    """No rotation is under way, and all serve what is in the Secret."""
    return len(parse_bundle(registered(api))) == 1 and serve(certified, server_of(api))


def request(api: Api, what: str) -> None:
    api.merge(SECRET_PATH, {"metadata": {"annotations": {REQUEST: what}}})


def is_answered(api: Api) -> bool:
    return REQUEST not in (api.get(SECRET_PATH)["metadata"].get("annotations") or {})


@dataclass
class Load:
    """Creates pods from several clients, each with a connection of its own that is kept, until stopped."""

    api: Api
    clients: int = 4
    pause: float = 0.05
    created: int = 0
    failures: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self.threads = [threading.Thread(target=self.run) for _ in range(self.clients)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def go_on(self, number: int) -> None:
        """Until so many more have been created."""
        before = self.created
        wait_until(f"{number} more pods are created", lambda: self.created >= before + number or self.failures)

    def run(self) -> None:
        while not self.stopped.wait(self.pause):
            failure = self.create()
            with self.lock:
                self.created += not failure
                self.failures += [failure] if failure else []

    def create(self) -> str:
        """Why the API server did not; "" where it did."""
        spec = {"schedulerName": "nobody", "containers": [{"name": "none", "image": "none"}]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "steady-"}, "spec": spec}
        try:
            self.api.post(PODS, body)
        except (ApiError, UnknownOutcomeError) as error:
            return str(error)
        return ""


@dataclass
class Witness:
    """Connects to every replica again and again, as an API server would that learns of the caBundle as late as
    `behind` seconds after it was stored: with every bundle that was registered since then.
    """

    api: Api
    replicas: CertifiedReplicas
    behind: float = OVERLAP - 1
    seen: list[tuple[float, str]] = field(default_factory=list)  # since when
    looks: int = 0
    failures: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Witness:
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.thread.join()

    def run(self) -> None:
        while not self.stopped.wait(0.05):
            bundle, now = registered(self.api), time.monotonic()
            if not self.seen or self.seen[-1][1] != bundle:
                self.seen.append((now, bundle))
            # One counts until the next has been there for so long.
            while len(self.seen) > 1 and self.seen[1][0] < now - self.behind:
                self.seen.pop(0)
            for _, one in self.seen:
                self.look(one)

    def look(self, bundle: str) -> None:
        context = ssl.create_default_context(cadata=bundle)
        for replica in self.replicas.all:
            if not replica.ready():  # what has just started shows a stand-in until it has read the Secret
                continue
            connection = http.client.HTTPSConnection("127.0.0.1", replica.port, context=context, timeout=5)
            try:
                connection.connect()
                self.looks += 1
            except ssl.SSLCertVerificationError as error:
                self.failures.append(f"{replica.port}: {error}")
            except OSError:
                pass  # it was killed
            finally:
                connection.close()
