"""The servers that are measured beside each other, each started anew for each measurement, with the same certificate
and as many threads.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import answers
from cases import Ledger, Setup
from cluster import free_ports
from process import Process

PEERS = Path(__file__).resolve().parent / "peers"
IN_MEMORY = Path("/dev/shm")  # where a file costs no disk


@dataclass
class Certificate:
    """A folder of `regionfit certs create`."""

    folder: Path

    @classmethod
    def create(cls, regionfit: Path, folder: Path) -> Certificate:
        command = [str(regionfit), "certs", "create", str(folder), "--san", "127.0.0.1", "--san", "localhost"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return cls(folder)

    @property
    def pair(self) -> list[str]:
        return [str(self.folder / "tls.crt"), str(self.folder / "tls.key")]

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "ca-bundle.crt"))


class Contender:
    def __init__(self, name: str, certificate: Certificate, folder: Path, judge: answers.Judge) -> None:
        self.name = name
        self.judge = judge
        self.certificate = certificate
        self.context = certificate.context()
        self.folder = folder
        self.port = 0
        self.process: Process | None = None

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.popen.pid

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        (self.port,) = free_ports(1)
        self.process = Process(self.name, self.command(), self.folder / f"{self.name.replace(' ', '-')}.log")
        self.process.wait_ready("it answers", self.answers, timeout=120)

    def answers(self) -> bool:
        """Whatever it says."""
        connection = answers.connect(self.port, self.context)
        with suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/readyz")
            return connection.getresponse().status > 0
        return False

    def stop(self) -> None:
        process, self.process = self.process, None
        if process:
            process.stop()


class Program(Contender):
    """One that is given its address, certificate, key, and what else it needs."""

    def __init__(self, program: Path, arguments: list[str], *rest: Any) -> None:
        super().__init__(*rest)
        self.program = program
        self.arguments = arguments

    def command(self) -> list[str]:
        return [str(self.program), f"127.0.0.1:{self.port}", *self.certificate.pair, *self.arguments]


class Regionfit(Contender):
    """With policies and ledger as `setup` has them; each start has a ledger that is empty."""

    def __init__(self, binary: Path, setup: Setup, certificate: Certificate, folder: Path) -> None:
        super().__init__(f"regionfit, {setup.name}", certificate, folder, setup.judge)
        self.binary = binary
        self.setup = setup
        self.manifests = folder / self.name.replace(" ", "-")
        self.manifests.mkdir()
        objects = {"apiVersion": "v1", "kind": "List", "items": setup.objects()}
        (self.manifests / "objects.json").write_text(json.dumps(objects))
        self.state = (IN_MEMORY if setup.ledger is Ledger.TMPFS else folder) / f"regionfit-bench-{os.getpid()}.state"

    def command(self) -> list[str]:
        cert, key = self.certificate.pair
        command = [str(self.binary), "serve", "--manifests", str(self.manifests), "--listen", f"127.0.0.1:{self.port}"]
        state = [] if self.setup.ledger is Ledger.MEMORY else ["--state", str(self.state)]
        return [*command, "--tls-cert", cert, "--tls-key", key, *state]

    def start(self) -> None:
        self.remove_state()
        super().start()

    def stop(self) -> None:
        super().stop()
        self.remove_state()

    def remove_state(self) -> None:
        shutil.rmtree(self.state, ignore_errors=True)


@contextmanager
def running(server: Contender) -> Iterator[Contender]:
    try:
        server.start()
        yield server
    finally:
        server.stop()


def find_peer(kind: str) -> Path | None:
    """Builds it where it has not been built yet; None, and a word why, where it cannot be."""
    built = subprocess.run([str(PEERS / "build"), kind], stdout=subprocess.PIPE, text=True)
    return None if built.returncode else Path(built.stdout.strip())
