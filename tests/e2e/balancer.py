"""One address for several replicas, as a Service is: each connection goes to the next of those that are ready.

Bytes are passed on as they are, TLS included. A replica that refuses the connection is passed over; one whose /readyz
fails gets no new connections, and keeps those that it has. Where none is ready, all are tried.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
import threading
from collections.abc import Callable
from typing import Any

PROBE_PERIOD, PROBE_TIMEOUT = 0.3, 1.0


class Pipe(asyncio.Protocol):
    """Passes what comes in to `peer`, and ends it when the other side ends."""

    def __init__(self, peer: asyncio.Transport | None = None) -> None:
        self.peer = peer
        self.transport: asyncio.Transport | None = None
        self.waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def join(self, peer: asyncio.Transport) -> None:
        self.peer = peer
        for part in self.waiting:
            peer.write(part)
        self.waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self.peer:
            self.peer.write(data)
        else:
            self.waiting.append(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self.peer:
            self.peer.close()


class Balancer:
    """`backends` are ports on loopback."""

    def __init__(self, backends: list[int]) -> None:
        self.backends = backends
        self.ready = dict.fromkeys(backends, True)
        self.turn = itertools.count()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.tasks: list[asyncio.Task] = []
        self.stopped = False
        self.port = 0

    def start(self) -> None:
        self.thread.start()
        self.port = self.run(self.listen)

    def stop(self) -> None:
        if self.thread.is_alive():
            self.run(self.end_probes)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()

    def run(self, function: Callable) -> Any:
        return asyncio.run_coroutine_threadsafe(function(), self.loop).result()

    async def listen(self) -> int:
        server = await self.loop.create_server(self.accept, "127.0.0.1", 0, backlog=512)
        self.tasks = [self.loop.create_task(self.probe(port)) for port in self.backends]
        return server.sockets[0].getsockname()[1]

    async def end_probes(self) -> None:
        self.stopped = True
        await asyncio.wait(self.tasks)

    def accept(self) -> Pipe:
        pipe = Pipe()
        self.loop.create_task(self.connect(pipe))
        return pipe

    def candidates(self) -> list[int]:
        start = next(self.turn) % len(self.backends)
        order = self.backends[start:] + self.backends[:start]
        return sorted(order, key=lambda port: not self.ready[port])

    async def connect(self, client: Pipe) -> None:
        for port in self.candidates():
            try:
                transport, _ = await self.loop.create_connection(lambda: Pipe(client.transport), "127.0.0.1", port)
            except OSError:
                continue
            client.join(transport)
            return
        if client.transport:
            client.transport.close()

    async def probe(self, port: int) -> None:
        while not self.stopped:
            try:
                self.ready[port] = await asyncio.wait_for(is_ready(port), PROBE_TIMEOUT)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
                self.ready[port] = False
            await asyncio.sleep(PROBE_PERIOD)


async def is_ready(port: int) -> bool:
    """True if /readyz answers 200. Whose certificate it is does not matter here."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b" 200 " in await reader.readline()
    finally:
        writer.close()
