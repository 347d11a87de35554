"""A reflector against a server that says, on real connections, what a test has written down."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from kube import Kube

JSON = "Content-Type: application/json\r\n"


class Script:
    """Accepts connections; the n-th request gets the n-th answer, and later ones none: they wait."""

    def __init__(self, folder: Path, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(self.configuration()))
        threading.Thread(target=self.accept, daemon=True).start()

    def configuration(self) -> dict[str, Any]:
        return {
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.listener.getsockname()[1]}"}}],
            "users": [{"name": "u", "user": {"token": "secret"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                while stream.readline() not in (b"\r\n", b""):
                    pass
                self.requests.append(re.sub(r"timeoutSeconds=\d+", "timeoutSeconds=*", line.decode().split()[1]))
                if not self.answers:
                    stream.readline()  # until the connection ends
                    return
                answer = self.answers.pop(0)
                connection.sendall(answer)
                if not whole(answer):
                    return

    def close(self) -> None:
        self.listener.close()


def whole(answer: bytes) -> bool:
    """False for one that breaks off."""
    return answer.endswith(b"0\r\n\r\n") or b"Content-Length" in answer


def chunk(text: str) -> bytes:
    return f"{len(text.encode()):x}\r\n{text}\r\n".encode()


def chunked(*parts: str, end: bool = True) -> bytes:
    body = b"".join(map(chunk, parts)) + (b"0\r\n\r\n" if end else b"")
    return f"HTTP/1.1 200 OK\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n".encode() + body


def failure(code: int, reason: str) -> bytes:
    body = json.dumps({"kind": "Status", "code": code, "reason": reason, "message": reason})
    return f"HTTP/1.1 {code} {reason}\r\n{JSON}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def pod(name: str, version: int, **rest: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version), **rest}}


def listing(version: int, *pods: dict[str, Any], more: str = "") -> str:
    metadata = {"resourceVersion": str(version), "continue": more}
    return json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": pods})


def event(kind: str, stored: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "object": stored}) + "\n"


def watch(version: int) -> str:
    query = f"watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=*"
    return f"/api/v1/pods?{query}"


LIST = "/api/v1/pods?limit=500"
BIG = pod("big", 4, filler="x" * 300_000)  # in more parts than one, wherever they end
STALE = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})

CASES: dict[str, tuple[list[bytes], list[str], list[str]]] = {
    "pages, and a watch in parts": (
        [
            chunked(listing(7, pod("a", 3), BIG, more="m/o=")),
            chunked(listing(7, pod("b", 5))),
            chunked(event("ADDED", pod("c", 8))[:20], event("ADDED", pod("c", 8))[20:] + event("BOOKMARK", pod("", 9))),
        ],
        [LIST, f"{LIST}&continue=m%2Fo%3D", watch(7), watch(9)],
        ["begin", "item Pod a 3", "item Pod big 4", "item Pod b 5", "end 7", "ADDED - c 8", "bookmark 9"],
    ),
    "410 in the middle of a list": (
        [chunked(listing(7, pod("a", 3), more="x")), failure(410, "Gone"), chunked(listing(9, pod("b", 8)))],
        [LIST, f"{LIST}&continue=x", LIST, watch(9)],
        ["begin", "item Pod a 3", "begin", "item Pod b 8", "end 9"],
    ),
    "410 in a watch": (
        [chunked(listing(7)), chunked(STALE), chunked(listing(30, pod("b", 28)))],
        [LIST, watch(7), LIST, watch(30)],
        ["begin", "end 7", "begin", "item Pod b 28", "end 30"],
    ),
    "a list that is cut": (
        [chunked(listing(7, pod("a", 3))[:-1], end=False), chunked(listing(9))],
        [LIST, LIST, watch(9)],
        ["begin", "item Pod a 3", "begin", "end 9"],
    ),
    "a watch that is cut": (
        [chunked(listing(7)), chunked(event("ADDED", pod("a", 8)), event("ADDED", pod("b", 9))[:-9], end=False)],
        [LIST, watch(7), watch(8)],
        ["begin", "end 7", "ADDED - a 8"],
    ),
    "a resource that is not there yet": (
        [failure(404, "NotFound"), chunked(listing(9))],
        [LIST, LIST, watch(9)],
        ["begin", "begin", "end 9"],
    ),
    "a server that is not ready": (
        [chunked(listing(7)), failure(403, "Forbidden"), chunked(event("ADDED", pod("a", 8)))],
        [LIST, watch(7), watch(7), watch(8)],
        ["begin", "end 7", "ADDED - a 8"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_follows(name: str, tmp_path: Path) -> None:
    answers, requests, told = CASES[name]
    script = Script(tmp_path, *answers)
    kube = Kube(tmp_path, script.kubeconfig, "follow", "/api/v1", "pods")
    try:
        if told[-1].startswith("end "):
            kube.wait_line(told[-1])
        wait_requests(script, len(requests))
    finally:
        took = kube.close()
        script.close()
    assert script.requests == requests
    assert kube.lines("begin", "item", "end", "ADDED", "bookmark") == told
    assert took < 2, "it waits for an answer to its watch, and must not wait to be ended"


def wait_requests(script: Script, n: int) -> None:
    for _ in range(1000):
        if len(script.requests) >= n:
            return
        time.sleep(0.02)
    raise AssertionError(script.requests)
