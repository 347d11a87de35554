"""Servers that end with their test, and end well."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from objects import Object
from server import Server, write_manifests


Serve = Callable[..., Server]


def starter(folder: Path, servers: list[Server]) -> Serve:
    """Starts a server on the given objects, by default with its state in a folder; may be called more than once."""

    def start(*options: str, objects: list[Object] | None = None, state: bool = True, **rest: Any) -> Server:
        own = folder / f"server{len(servers)}"
        own.mkdir()
        write_manifests(own / "manifests", *(objects or []))
        kept = ["--state", str(own / "state")] if state else []
        server = Server(own, *kept, *options, **rest)
        servers.append(server)
        return server.start()

    return start


def check_end(servers: list[Server]) -> None:
    """Sanitizers speak up at the end: with their status, and in the log."""
    running = [server for server in servers if server.running]
    for server in running:
        server.signal(signal.SIGTERM)
    assert not any([server.wait() for server in running]), [server.log() for server in running]
    for server in servers:
        log = server.log_path.read_text()  # of every run, those that were killed too
        assert "Sanitizer" not in log and "runtime error" not in log, log


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[Server] = []
    yield starter(tmp_path, servers)
    check_end(servers)


@pytest.fixture(scope="module")
def serve_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """For servers that a whole module asks, as none of its questions changes anything."""
    servers: list[Server] = []
    yield starter(tmp_path_factory.mktemp("servers"), servers)
    check_end(servers)
