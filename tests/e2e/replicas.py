"""Replicas of `regionfit serve` behind one address."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path

import yaml

from balancer import Balancer
from cluster import free_ports
from kubectl import KubectlError
from live_cluster import LiveCluster
from process import Process, wait_until
from webhook import CONFIGURATION, NAME, QUESTION, registration, rule


class Replica:
    """Once started it stays at one port."""

    def __init__(self, command: list[str], log: Path, context: ssl.SSLContext, port: int) -> None:
        self.command = command
        self.log = log
        self.context = context
        self.port = port
        self.process: Process | None = None

    def start(self) -> None:
        self.process = Process(self.log.stem, [*self.command, "--listen", f"127.0.0.1:{self.port}"], self.log)

    def wait_ready(self) -> None:
        assert self.process
        self.process.wait_ready("/readyz answers", self.ready, timeout=30)

    def ready(self) -> bool:
        try:
            url = f"https://127.0.0.1:{self.port}/readyz"
            with urllib.request.urlopen(url, context=self.context, timeout=5) as response:
                return response.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self) -> int:
        process, self.process = self.process, None
        return process.stop() if process else 0

    def kill(self) -> None:
        """As a crash would: no chance to say goodbye."""
        assert self.process
        self.process.kill()
        self.process = None

    def freeze(self, seconds: float) -> threading.Timer:
        """Stands still for so long, and goes on by itself; join() waits for that."""
        assert self.process
        thaw = threading.Timer(seconds, self.process.popen.send_signal, [signal.SIGCONT])
        self.process.popen.send_signal(signal.SIGSTOP)
        thaw.start()
        return thaw


class Replicas:
    """start() returns once the API server asks them; stop() leaves nothing registered.

    The options are those of serve, with what they serve from. `timeout` is how long the API server waits for them.
    """

    def __init__(
        self, binary: Path, cluster: LiveCluster, folder: Path, number: int, *options: str, timeout: int = 10
    ) -> None:
        self.cluster = cluster
        self.timeout = timeout
        self.ca_bundle = ""
        command = [str(binary), "serve", *self.certify(binary, folder), *options]
        context = self.context()
        self.all = []
        for i, port in enumerate(free_ports(number)):
            identity = ["--identity", f"replica-{i}"] if "--kubeconfig" in options else []
            self.all.append(Replica([*command, *identity], folder / f"replica-{i}.log", context, port))
        self.balancer = Balancer([replica.port for replica in self.all])

    def certify(self, binary: Path, folder: Path) -> list[str]:
        """Makes what the API server trusts. The options of serve for it."""
        certificates = folder / "certs"
        create = [str(binary), "certs", "create", str(certificates), "--san", "127.0.0.1"]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL)
        self.ca_bundle = (certificates / "ca-bundle.crt").read_text()
        return ["--tls-cert", str(certificates / "tls.crt"), "--tls-key", str(certificates / "tls.key")]

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ca_bundle)

    def start(self) -> None:
        try:
            self.resume()
            self.balancer.start()
            self.register()
        except BaseException:
            self.stop()
            raise

    def resume(self) -> None:
        """Starts those that do not run."""
        for replica in self.all:
            if not replica.process:
                replica.start()
        for replica in self.all:
            replica.wait_ready()

    def stop_all(self) -> None:
        """To make room for others; resume() and register() bring them back."""
        self.cluster.kubectl("delete", "--ignore-not-found", CONFIGURATION)
        for replica in self.all:
            replica.stop()

    def stop(self) -> None:
        self.cluster.kubectl("delete", "--ignore-not-found", CONFIGURATION)
        for replica in self.all:
            replica.stop()
        self.balancer.stop()

    def register(self) -> None:
        body = registration(f"127.0.0.1:{self.balancer.port}", self.ca_bundle, [rule("pods", "CREATE")], self.timeout)
        self.cluster.kubectl("apply", "-f", "-", text=yaml.safe_dump(body))
        before = self.answers()
        wait_until("the API server asks the replicas", lambda: self.are_asked(before))

    def are_asked(self, before: int) -> bool:
        try:
            self.cluster.kubectl("create", "--dry-run=server", "-f", "-", text=yaml.safe_dump(QUESTION))
        except KubectlError:  # it asks the one that was registered before
            return False
        return self.answers() > before

    def answers(self) -> int:
        """How many the API server has had since its start, from any webhook of this name."""
        pattern = rf'^apiserver_admission_webhook_request_total{{code="200",name="{NAME}",.*}} (\d+)$'
        return sum(int(number) for number in re.findall(pattern, self.cluster.metrics(), re.MULTILINE))
