"""`regionfit serve` as a cluster meets it: started, trusted by its CA, spoken to over HTTPS, and ended by its pid."""

from __future__ import annotations

import base64
import ctypes
import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from binary import REGIONFIT
from objects import Object, creation, pod, stored_as

JSON = {"Content-Type": "application/json"}
PATIENCE = 30.0  # seconds; a sanitizer's build is slow, and the machine may be busy
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

T = TypeVar("T")


def wait_until(what: str, condition: Callable[[], T], timeout: float = PATIENCE) -> T:
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {timeout} s in vain: {what}"
        time.sleep(0.005)
    return result


def write_manifests(folder: Path, *objects: Object, name: str = "objects.json") -> Path:
    """Puts one file in place as a whole, as kubectl and editors do."""
    folder.mkdir(exist_ok=True)
    hidden = folder / f".{name}"
    hidden.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return hidden.rename(folder / name)


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Server:
    """Keeps its manifests, state and log in `folder`; can be started again where it was ended."""

    def __init__(self, folder: Path, *options: str, ca: str = "", prepare: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self.manifests = folder / "manifests"
        self.state = folder / "state"
        self.log_path, self.audit_path = folder / "log", folder / "audit"
        self.options = options
        self.given_ca, self.prepare = ca, prepare
        self.process: subprocess.Popen[bytes] | None = None
        self.log_start = 0

    def start(self) -> Server:
        command = [REGIONFIT, "serve", "--manifests", str(self.manifests), "--listen", "127.0.0.1:0", *self.options]
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log, self.audit_path.open("ab") as audit:
            self.process = subprocess.Popen(command, stdout=audit, stderr=log, preexec_fn=self._before_exec)
        serving = wait_until("serving", self._serving)
        self.host, self.port = serving[1].strip("[]"), int(serving[2])
        self.ca = self.given_ca or self._own_ca()
        self.context = ssl.create_default_context(cadata=self.ca)
        assert self.ask("GET", "/readyz").status == 200
        return self

    def _before_exec(self) -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # no server outlives a test that was killed
        if self.prepare:
            self.prepare()

    def _serving(self) -> re.Match[str] | None:
        assert self.process and self.process.poll() is None, "the server ended:\n" + self.log()
        return re.search(r'"?serving"?[ ,].*?address"?[=:]"?([^ "]+):(\d+)', self.log())

    def _own_ca(self) -> str:
        if "--state" in self.options:
            return (self.state / "certs" / "ca-bundle.crt").read_text()
        shown = re.search(r'caBundle"?[=:]"?([A-Za-z0-9+/=]+)', self.log())
        assert shown
        return base64.b64decode(shown[1]).decode()

    def log(self) -> str:
        """What it has written since it was started last."""
        return self.log_path.read_bytes()[self.log_start :].decode()

    def wait_for_log(self, pattern: str, timeout: float = PATIENCE) -> re.Match[str]:
        return wait_until(f"{pattern!r} in the log", lambda: re.search(pattern, self.log()), timeout)

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """Until it ends; returns its exit status."""
        assert self.process
        return self.process.wait(timeout)

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    # Speaking to it

    def connect(self, timeout: float = PATIENCE) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=timeout)
        connection.connect()
        return connection

    def open_tls(self, timeout: float = PATIENCE) -> ssl.SSLSocket:
        """A connection for bytes that no well-behaved client sends."""
        plain = socket.create_connection((self.host, self.port), timeout)
        return self.context.wrap_socket(plain, server_hostname=self.host)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        connection: http.client.HTTPSConnection | None = None,
    ) -> Answer:
        """One request, on a connection of its own unless one is given."""
        used = connection or self.connect()
        try:
            used.request(method, path, body, headers or {})
            response = used.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            if not connection:
                used.close()

    def send(self, document: Object, connection: http.client.HTTPSConnection | None = None) -> Object:
        """A review; returns the response in the answer."""
        answer = self.ask("POST", "/mutate?timeout=10s", json.dumps(document), JSON, connection)
        assert answer.status == 200, answer
        assert answer.headers["Content-Type"] == "application/json"
        envelope = json.loads(answer.body)
        assert (envelope["apiVersion"], envelope["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
        assert envelope["response"]["uid"] == document["request"]["uid"]
        return envelope["response"]

    def create(self, created: Object, connection: http.client.HTTPSConnection | None = None) -> Object | None:
        """The pod as it is stored, or None where it is refused."""
        response = self.send(creation(created), connection)
        return stored_as(created, response) if response["allowed"] else None

    def remaining(self) -> int:
        """What the pool of objects.pool() has left. Asking reserves nothing."""
        response = self.send(creation(pod(gpus=1_000_000), dryRun=True))
        numbers = re.search(r"(\d+) of \d+ remaining", response["status"]["message"])
        assert numbers, response
        return int(numbers[1])
