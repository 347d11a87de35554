#!/usr/bin/python3
"""A real Kubernetes API server on loopback: etcd, kube-apiserver and kube-controller-manager.

There are no nodes and no scheduler: controllers create pods, admission sees them, and they stay Pending
(live_cluster.py has both). Everything is kept in one new folder that only its owner can read; the ports are whatever
was free.

As a program it runs such a cluster with regionfit in front of it, for a person to play with:

    tests/e2e/cluster.py --regionfit build/run/webhook/regionfit
"""

from __future__ import annotations

import argparse
import os
import secrets
import shlex
import signal
import socket
import ssl
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from binaries import BinariesMissingError, find_binaries
from kubectl import Kubectl, KubectlError
from process import NotReadyError, Process
from webhook import Webhook

TOP = Path(__file__).resolve().parent.parent.parent
EXAMPLES = TOP / "charts" / "regionfit" / "examples"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def free_ports(count: int) -> list[int]:
    """Different ports that are free now; all are held until the last one is known."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def write_private(path: Path, text: str) -> Path:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    return path


def new_key() -> str:
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )


class Cluster:
    """start() brings it up or raises NotReadyError with the log's end; stop() ends what start() began.

    `options` are further options of the programs, by their names. Debian's etcd (3.4) cannot stream lists: server and
    clients are told so, or the clients try, fail, and wait longer each time.
    """

    def __init__(
        self, folder: Path, binaries: dict[str, str], options: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.folder = folder
        self.binaries = binaries
        self.options = options or {}
        self.kubeconfig = folder / "kubeconfig"
        self.kubectl = Kubectl(binaries["kubectl"], self.kubeconfig)
        self.token = secrets.token_urlsafe(24)
        self.etcd_port, self.peer_port, self.api_port = free_ports(3)
        self.url = f"https://127.0.0.1:{self.api_port}"
        self.certificate = folder / "certs" / "apiserver.crt"
        self.processes: list[Process] = []

    def start(self) -> None:
        try:
            self.prepare()
            self.start_etcd()
            self.start_apiserver()
            self.start_controller_manager()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends them in reverse order, so that nobody misses what he depends on."""
        while self.processes:
            self.processes.pop().stop()

    def prepare(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.folder / "service-account.key", new_key())
        write_private(self.folder / "tokens.csv", f'{self.token},admin,admin,"system:masters"\n')

    def run(self, name: str, *options: str) -> Process:
        environment = ["env", "KUBE_FEATURE_WatchListClient=false"]
        command = [*environment, self.binaries[name], *options, *self.options.get(name, [])]
        process = Process(name, command, self.folder / f"{name}.log")
        self.processes.append(process)
        return process

    def start_etcd(self) -> None:
        client, peer = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{self.peer_port}"
        process = self.run(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--logger=zap",
            "--log-level=warn",
        )
        process.wait_ready("/health answers", lambda: self.get(f"{client}/health"))

    def start_apiserver(self) -> None:
        key = self.folder / "service-account.key"
        process = self.run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.api_port}",
            f"--cert-dir={self.certificate.parent}",
            "--endpoint-reconciler-type=none",  # endpoints cannot be on loopback
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--feature-gates=WatchList=false",
        )
        process.wait_ready("/readyz answers", lambda: self.get(f"{self.url}/readyz"))
        self.write_kubeconfig()

    def restart_apiserver(self) -> None:
        """It comes back at the same address, with the same certificate. Watches would keep the old one for a minute."""
        (place,) = (i for i, process in enumerate(self.processes) if process.name == "kube-apiserver")
        self.processes.pop(place).stop(timeout=2)
        self.start_apiserver()
        self.processes.insert(place, self.processes.pop())

    def start_controller_manager(self) -> None:
        process = self.run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig}",
            "--secure-port=0",
            "--leader-elect=false",
            f"--service-account-private-key-file={self.folder / 'service-account.key'}",
            f"--root-ca-file={self.certificate}",
            "--use-service-account-credentials",
        )
        account = f"{self.url}/api/v1/namespaces/default/serviceaccounts/default"
        process.wait_ready("the default service account exists", lambda: self.get(account))

    def get(self, url: str) -> bool:
        """True if a GET is answered with success."""
        try:
            self.read(url)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
        return True

    def read(self, url: str) -> str:
        context = ssl.create_default_context(cafile=self.certificate) if self.certificate.exists() else None
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, context=context, timeout=5) as response:
            return response.read().decode()

    def metrics(self) -> str:
        """Of the API server, as Prometheus reads them."""
        return self.read(f"{self.url}/metrics")

    def write_kubeconfig(self) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "regionfit",
                    "cluster": {"server": self.url, "certificate-authority": str(self.certificate)},
                }
            ],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "regionfit", "context": {"cluster": "regionfit", "user": "admin"}}],
            "current-context": "regionfit",
        }
        write_private(self.kubeconfig, yaml.safe_dump(config, sort_keys=False))


def create_namespaces(kubectl: Kubectl, manifests: Path) -> None:
    """Those that the policies name, so that the examples can be tried at once."""
    documents = [one for path in sorted(manifests.glob("*.yaml")) for one in yaml.safe_load_all(path.read_text())]
    names = {one["metadata"].get("namespace", "default") for one in documents if one}
    there = {one["metadata"]["name"] for one in kubectl.read("get", "namespaces")["items"]}
    for name in sorted(names - there):
        kubectl("create", "namespace", name)


def print_help(cluster: Cluster, webhook: Webhook) -> None:
    """The first line is the KUBECONFIG line alone, for `eval` and for people."""
    kubectl = shlex.quote(cluster.binaries["kubectl"])
    examples = [path.relative_to(TOP) for path in sorted(EXAMPLES.glob("*.yaml"))]
    print(f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}")
    print("\nregionfit answers at", webhook.address, "with the manifests in", os.path.relpath(webhook.manifests))
    print("\nTry, in another terminal, after the line above:\n")
    for example in examples:
        print(f"  {kubectl} apply -f {example}")
    print(f"  {kubectl} get pods -L alibabacloud.com/serverless-region-id,alibabacloud.com/gpu-model-series")
    print(f"  {kubectl} get events --field-selector reason=FailedCreate")
    print(f"  tail -f {webhook.log}")
    print("\nCtrl-C ends it.", flush=True)


def play(cluster: Cluster, webhook: Webhook) -> None:
    """Runs until a signal comes; later ones wait until everything has been ended."""
    cluster.start()
    webhook.start()
    webhook.register(cluster.kubectl)
    create_namespaces(cluster.kubectl, webhook.manifests)
    print_help(cluster, webhook)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    signal.sigwait(STOP_SIGNALS)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def run(regionfit: Path, manifests: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="regionfit-cluster.") as name:
        cluster = Cluster(Path(name), find_binaries())
        webhook = Webhook(regionfit, cluster.folder, manifests)
        try:
            play(cluster, webhook)
        finally:
            webhook.stop()
            cluster.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description="A local Kubernetes API server with regionfit in front of it.")
    parser.add_argument("--regionfit", type=Path, required=True, help="the program to run")
    parser.add_argument("--manifests", type=Path, default=EXAMPLES / "manifests", help="policies and quotas")
    options = parser.parse_args()

    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)
    try:
        run(options.regionfit.resolve(), options.manifests.resolve())
    except KeyboardInterrupt:
        pass
    except (BinariesMissingError, KubectlError, NotReadyError, OSError) as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
