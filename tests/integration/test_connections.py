"""What a client may do with its connection: send and read in any portions, at any pace, ask before it has its
answer, and go away. HTTP/1.1 (RFC 9112) over TLS 1.2 and 1.3; each answer must come whole, in order, and at once.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import pytest

from conftest import Serve
from objects import creation, pod, policy, quota, unit
from server import Server

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
REGIONS = 300  # of the policy, none of which has a GPU: its denial names them all
PATIENCE = 20  # seconds
ASKED = json.dumps(creation(pod(), dryRun=True)).encode()
HEALTH = b"GET /livez HTTP/1.1\r\nHost: regionfit\r\n\r\n"


def request(body: bytes = ASKED, *more: str) -> bytes:
    lines = ["POST /mutate HTTP/1.1", "Host: regionfit", "Content-Type: application/json", *more]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def denied(stream: BinaryIO) -> int:
    """Reads an answer with a denial; how long it was."""
    assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
    text = stream.read(int(http.client.parse_headers(stream)["Content-Length"]))
    response = json.loads(text)["response"]
    assert not response["allowed"]
    assert f"region-{REGIONS - 1}" in response["status"]["message"]
    return len(text)


@pytest.fixture(scope="module")
def shared(serve_once: Serve) -> Server:
    units = [unit(f"region-{i}") for i in range(REGIONS)]
    return serve_once(objects=[policy(*units), *(quota(f"region-{i}", GU8TF=0) for i in range(REGIONS))])


Open = Callable[..., ssl.SSLSocket]


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def open_tls(shared: Server, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens connections of one version, whose ends must be told as TLS has it."""
    context = ssl.create_default_context(cadata=shared.ca)
    context.minimum_version = context.maximum_version = request.param
    opened: list[ssl.SSLSocket] = []

    def connect(receives: int | None = None) -> ssl.SSLSocket:
        plain = socket.socket()
        if receives:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        plain.settimeout(PATIENCE)
        plain.connect((shared.host, shared.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opened.append(context.wrap_socket(plain, server_hostname=shared.host, suppress_ragged_eofs=False))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


def test_an_answer_of_many_segments_comes_whole(open_tls: Open) -> None:
    connection = open_tls()
    connection.sendall(request())
    assert denied(connection.makefile("rb")) > 10_000


@pytest.mark.parametrize("size", [1, 7, 1000], ids=lambda size: f"in records of {size}")
def test_a_request_may_come_in_portions(open_tls: Open, size: int) -> None:
    connection = open_tls()
    sent = request()
    for i in range(0, len(sent), size):
        connection.sendall(sent[i : i + size])
    denied(connection.makefile("rb"))


def test_a_request_may_be_cut_anywhere(open_tls: Open) -> None:
    connection = open_tls()
    stream, sent = connection.makefile("rb"), request()
    for cut in range(1, len(sent), 13):
        connection.sendall(sent[:cut])
        connection.sendall(sent[cut:])
        denied(stream)


@pytest.mark.parametrize("together", [1, 3, 50])
def test_requests_need_not_wait_for_answers(open_tls: Open, together: int) -> None:
    connection = open_tls()
    stream = connection.makefile("rb")
    for _ in range(100 // together):
        connection.sendall(request() * together)
        for _ in range(together):
            denied(stream)


def test_a_request_that_ends_in_the_record_of_the_next_is_answered(open_tls: Open) -> None:
    connection = open_tls()
    stream, many = connection.makefile("rb"), request() * 20
    cut = len(many) // 20 + 100
    connection.sendall(many[:cut])
    denied(stream)
    connection.sendall(many[cut:])
    for _ in range(19):
        denied(stream)


def test_a_long_body_may_be_followed_by_a_request(open_tls: Open) -> None:
    connection = open_tls()
    connection.sendall(request(ASKED.ljust(1_000_000)) + request())
    stream = connection.makefile("rb")
    denied(stream)
    denied(stream)


def test_who_reads_late_and_slowly_gets_every_answer(open_tls: Open) -> None:
    connection = open_tls(receives=4096)
    count = 300
    sender = threading.Thread(target=connection.sendall, args=(request() * count,))
    sender.start()
    time.sleep(0.5)  # by then the server can send no more, and stops reading
    stream = connection.makefile("rb", buffering=5000)
    for _ in range(count):
        denied(stream)
    sender.join()


def test_an_answer_that_ends_its_connection_comes_whole(open_tls: Open) -> None:
    connection = open_tls(receives=4096)
    connection.sendall(request(ASKED, "Connection: close"))
    time.sleep(0.2)
    stream = connection.makefile("rb")
    denied(stream)
    assert stream.read() == b""  # told by a close_notify; else it is an ssl.SSLEOFError


def test_a_head_without_a_body_does_not_wait_for_one(open_tls: Open) -> None:
    connection = open_tls()
    stream = connection.makefile("rb")
    for _ in range(3):
        started = time.monotonic()
        connection.sendall(HEALTH.replace(b"GET", b"HEAD"))
        assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
        http.client.parse_headers(stream)
        assert time.monotonic() - started < 5
    connection.sendall(HEALTH)
    assert stream.readline() == b"HTTP/1.1 200 OK\r\n"


def test_clients_that_read_nothing_hold_up_nobody(shared: Server, open_tls: Open) -> None:
    stalled = [open_tls(receives=4096) for _ in range(20)]
    for connection in stalled:
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            while True:
                connection.sendall(request() * 100)
    for _ in range(20):
        started = time.monotonic()
        assert shared.ask("GET", "/livez").status == 200
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("after", [0, 1], ids=["before it has read", "in the middle of the answer"])
def test_a_client_that_resets_its_connection_is_forgotten(shared: Server, open_tls: Open, after: int) -> None:
    for _ in range(20):
        connection = open_tls(receives=4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close() sends RST
        connection.sendall(request() * 5)
        connection.recv(after)
        connection.close()
    assert shared.ask("GET", "/livez").status == 200


@pytest.mark.parametrize(
    "length, status",
    [
        pytest.param(4000, b"200", id="as long as API servers and proxies write it, and more"),
        pytest.param(20_000, b"431", id="longer than any needs it"),
    ],
)
def test_a_head_may_be_long(open_tls: Open, length: int, status: bytes) -> None:
    connection = open_tls()
    connection.sendall(request(ASKED, f"Traceparent: {'a' * length}"))
    assert connection.recv(12) == b"HTTP/1.1 " + status
