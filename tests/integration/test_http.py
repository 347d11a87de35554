"""The HTTP side of `regionfit serve`: what is refused and how, and clients that are slow, rude or many.

Statuses are those of the design's table of failures, and of RFC 9110; bodies are such as reach a webhook when
something between it and the API server is broken.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest

from conftest import Serve
from objects import Object, creation, pod, policy, pool, quota, real, review, unit
from server import JSON, Server

BODY_MAX = 7 * 1024 * 1024
GOOD = json.dumps(creation(pod(), dryRun=True))
BROKEN_POD = pod(labels={"app": 5})
BROKEN_GPUS = {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "many"}}}]}


@pytest.fixture(scope="module")
def shared(serve_once: Serve) -> Server:
    return serve_once(objects=pool(1000))


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(objects=pool(1000))


def headers(length: int | None = None, path: str = "/mutate", *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: regionfit", "Content-Type: application/json", *more]
    lines += [] if length is None else [f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def is_alive(server: Server) -> bool:
    asked = creation(pod(), dryRun=True)
    return server.ask("GET", "/livez").status == 200 and server.send(asked)["allowed"]


def seconds_until_cut_off(server: Server, first: bytes, piece: bytes, pause: float) -> float:
    """Sends `first`, then `piece` again and again; how long the server puts up with it."""
    started = time.monotonic()
    with server.open_tls() as connection:
        connection.sendall(first)
        connection.settimeout(pause)
        while time.monotonic() - started < 20:
            try:
                connection.sendall(piece)
                if not connection.recv(1000):
                    break
            except TimeoutError:
                continue
            except (ssl.SSLError, OSError):
                break
    return time.monotonic() - started


# What is refused


@pytest.mark.parametrize(
    "method, path, sent, status, allow",
    [
        pytest.param("POST", "/", JSON, 404, None, id="there is nothing at the root"),
        pytest.param("POST", "/mutate/", JSON, 404, None, id="a path is compared as a whole"),
        pytest.param("POST", "/Mutate", JSON, 404, None, id="a path's letters count"),
        pytest.param("GET", "/nothing", {}, 404, None, id="an unknown path is unknown to every method"),
        pytest.param("GET", "/mutate", {}, 405, "POST", id="reviews are posted, not fetched"),
        pytest.param("PUT", "/mutate", JSON, 405, "POST", id="reviews are posted, not put"),
        pytest.param("OPTIONS", "/mutate", {}, 405, "POST", id="no other method is allowed on reviews"),
        pytest.param("POST", "/livez", JSON, 405, "GET, HEAD", id="livez is read, not written"),
        pytest.param("DELETE", "/readyz", {}, 405, "GET, HEAD", id="readyz is read, not deleted"),
        pytest.param("POST", "/mutate", {}, 415, None, id="a content type must be given"),
        pytest.param("POST", "/mutate", {"Content-Type": "text/plain"}, 415, None, id="plain text is no review"),
        pytest.param("POST", "/mutate", {"Content-Type": "application/jsonp"}, 415, None, id="jsonp is not JSON"),
        pytest.param("POST", "/mutate", {"Content-Type": "application/yaml"}, 415, None, id="nor is YAML"),
    ],
)
def test_what_is_no_review_is_refused_by_its_headers(
    shared: Server, method: str, path: str, sent: dict[str, str], status: int, allow: str | None
) -> None:
    answer = shared.ask(method, path, GOOD if method in ("POST", "PUT") else None, sent)

    assert answer.status == status
    assert answer.headers["Allow"] == allow
    assert answer.text.endswith("\n") and answer.text.count("\n") == 1
    assert is_alive(shared)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON", "application/json; charset=utf-8"])
def test_json_may_be_called_by_every_name_that_rfc_9110_gives_it(shared: Server, kind: str) -> None:
    assert shared.ask("POST", "/mutate", GOOD, {"Content-Type": kind}).status == 200


def without(key: str) -> str:
    document = creation(pod())
    del document["request"][key]
    return json.dumps(document)


@pytest.mark.parametrize(
    "body, said",
    [
        pytest.param("", "not JSON: line 1, column 0", id="an empty body"),
        pytest.param("hello", "not JSON: line 1, column 5", id="a word"),
        pytest.param("\n\n  nonsense", "not JSON: line 3", id="a word on a later line"),
        pytest.param(GOOD[:100], "not JSON: line 1, column 100 (byte 100 of 100)", id="a body cut in the middle"),
        pytest.param(GOOD[:-1], f"not JSON: line 1, column {len(GOOD) - 1}", id="a body that lacks its last byte"),
        pytest.param(GOOD + "}", f"byte {len(GOOD) + 1} of {len(GOOD) + 1}", id="a byte too many"),
        pytest.param(
            b'{"kind": "\xff\xfe"}',
            "line 1, column 10 (byte 10 of 14): a string is not valid UTF-8, near byte 0xff",
            id="bytes that are not UTF-8",
        ),
        pytest.param(
            b'{"kind": "\xc0\xaf"}',
            "line 1, column 10 (byte 10 of 14): a string is not valid UTF-8, near byte 0xc0",
            id="overlong UTF-8",
        ),
        pytest.param(
            '{"kind": "\\ud800"}',
            "line 1, column 10 (byte 10 of 18): a string has a bad escape, near '\\ud800'",
            id="half of a surrogate pair",
        ),
        pytest.param(
            '{"kind": 1, "kind": 2}',
            'line 1, column 18 (byte 18 of 22): an object has the key "kind" twice',
            id="a key given twice",
        ),
        pytest.param(
            "[" * 100_000,
            "line 1, column 2048 (byte 2048 of 100000): it is nested too deep, near '['",
            id="a hundred thousand lists in each other",
        ),
        pytest.param(
            '{"a":' * 100_000,
            "line 1, column 10236 (byte 10236 of 500000): it is nested too deep, near '",
            id="a hundred thousand objects in each other",
        ),
        pytest.param("[]", "must be a JSON object", id="a list"),
        pytest.param("{}", 'apiVersion: must be "admission.k8s.io/v1"; it is missing', id="an empty object"),
        pytest.param(
            GOOD.replace("k8s.io/v1", "k8s.io/v1beta1"),
            'apiVersion: must be "admission.k8s.io/v1", not "admission.k8s.io/v1beta1"',
            id="a review of another version",
        ),
        pytest.param(json.dumps(pod()), 'apiVersion: must be "admission.k8s.io/v1", not "v1"', id="a pod"),
        pytest.param(
            GOOD.replace("AdmissionReview", "AdmissionRevue"), 'kind: must be "AdmissionReview"', id="another kind"
        ),
        pytest.param(
            json.dumps({**creation(pod()), "request": None}), "request: must be an object", id="a null request"
        ),
        pytest.param(json.dumps({**creation(pod()), "request": []}), "request: must be an object, not a list",
                     id="a list for a request"),
        pytest.param(without("uid"), "request.uid: must be the request's uid", id="a request without a uid"),
        pytest.param(without("operation"), "request.operation: must be CREATE", id="a request without an operation"),
        pytest.param(GOOD.replace("CREATE", "MAKE"), 'CREATE, UPDATE, DELETE or CONNECT, not "MAKE"',
                     id="an operation that does not exist"),
        pytest.param(json.dumps(review("CREATE", None)), "request.object: must be the pod to create",
                     id="a creation of nothing"),
        pytest.param(json.dumps(creation(BROKEN_POD)), "metadata.labels.app: must be a string, not 5",
                     id="a pod whose label is a number"),
        pytest.param(
            json.dumps(creation(pod(spec=BROKEN_GPUS))),
            "spec.containers[0].resources.limits[nvidia.com/gpu]: must be a quantity",
            id="a pod that asks for many GPUs, in words",
        ),
    ],
)
def test_a_body_that_is_no_review_is_answered_with_where_and_why(
    shared: Server, body: str | bytes, said: str
) -> None:
    answer = shared.ask("POST", "/mutate", body, JSON)

    assert answer.status == 400
    assert said in answer.text
    assert answer.text.endswith("\n") and answer.text.count("\n") == 1
    assert shared.remaining() == 1000
    assert is_alive(shared)


def test_a_head_of_nine_kib_is_taken_and_one_of_eleven_is_refused(shared: Server) -> None:
    for length, status in ((9 * 1024, 200), (11 * 1024, 431)):
        more = {**JSON, "X-Trace": "x" * (length - 200)}  # the rest of the head is not much longer
        assert shared.ask("POST", "/mutate", GOOD, more).status == status
    assert is_alive(shared)


def test_the_longest_body_is_taken(shared: Server) -> None:
    assert shared.ask("POST", "/mutate", GOOD.ljust(BODY_MAX), JSON).status == 200


def test_a_body_that_will_be_too_long_is_refused_before_it_is_sent(shared: Server) -> None:
    with shared.open_tls() as connection:
        connection.sendall(headers(BODY_MAX + 1))
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")
    assert is_alive(shared)


def pieces(text: str, size: int = 65_537) -> Iterator[bytes]:
    return (text[i : i + size].encode() for i in range(0, len(text), size))


def test_a_chunked_body_that_turns_out_too_long_is_refused(shared: Server) -> None:
    connection = shared.connect()
    connection.request("POST", "/mutate", pieces(GOOD.ljust(BODY_MAX + 1)), JSON, encode_chunked=True)
    answer = connection.getresponse()

    assert answer.status == 413
    assert b"7 MiB" in answer.read()
    assert is_alive(shared)


@pytest.mark.parametrize(
    "query",
    ["timeout=", "timeout", "timeout=10", "timeout=abc", "timeout=0s", "timeout=-1s", "timeout=10S",
     "timeout=1e3s", "timeout=10s%20", "timeout=%00"],
)  # fmt: skip
def test_a_timeout_must_be_a_duration_of_go(shared: Server, query: str) -> None:
    answer = shared.ask("POST", f"/mutate?{query}", GOOD, JSON)

    assert answer.status == 400
    assert "timeout must be a duration such as 10s" in answer.text


@pytest.mark.parametrize("duration", ["10s", "30s", "1.5s", "500ms", "1m30s", "1h", "0.5h1s"])
def test_durations_of_go_are_taken(shared: Server, duration: str) -> None:
    assert shared.ask("POST", f"/mutate?timeout={duration}", GOOD, JSON).status == 200


# Health


def test_health_is_told_to_those_who_ask(shared: Server) -> None:
    for path in ("/livez", "/readyz", "/readyz?timeout=1s"):
        assert shared.ask("GET", path).text == "ok\n"
        assert shared.ask("HEAD", path).status == 200
    assert "[+]policies ok" in shared.ask("GET", "/readyz?verbose").text
    assert "[+]certificate ok" in shared.ask("GET", "/readyz?verbose").text
    assert "[+]policies ok" in shared.ask("GET", "/readyz?verbose=1").text


# Ways to send a review


def test_a_thousand_requests_go_through_one_connection(server: Server) -> None:
    connection = server.connect()
    first = connection.sock
    for _ in range(1000):
        assert server.send(creation(pod()), connection)["allowed"]
    assert connection.sock is first
    assert server.remaining() == 0


def read_answers(connection: ssl.SSLSocket, count: int) -> list[Object]:
    stream = connection.makefile("rb")
    answers = []
    for _ in range(count):
        assert stream.readline().startswith(b"HTTP/1.1 200 ")
        length = int(http.client.parse_headers(stream)["Content-Length"])
        answers.append(json.loads(stream.read(length)))
    return answers


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_comes_again_resumes_its_session(shared: Server, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context(cadata=shared.ca)
    context.minimum_version = context.maximum_version = version
    session, resumed = None, []
    for _ in range(3):
        with socket.create_connection((shared.host, shared.port)) as raw:
            with context.wrap_socket(raw, server_hostname=shared.host, session=session) as connection:
                connection.sendall(b"GET /livez HTTP/1.1\r\nHost: regionfit\r\n\r\n")
                assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
                session = connection.session  # TLS 1.3 sends it behind the handshake
                resumed.append(connection.session_reused)
    assert resumed == [False, True, True]


def test_pipelined_reviews_are_answered_in_order(server: Server) -> None:
    reviews = [creation(pod()) for _ in range(20)]
    bodies = [json.dumps(one).encode() for one in reviews]
    with server.open_tls() as connection:
        connection.sendall(b"".join(headers(len(body)) + body for body in bodies))
        answers = read_answers(connection, len(bodies))

    assert [one["response"]["uid"] for one in answers] == [one["request"]["uid"] for one in reviews]
    assert server.remaining() == 980


@pytest.mark.parametrize("size", [1, 7, 1000, 1_000_000], ids=lambda size: f"in pieces of {size}")
def test_a_chunked_body_is_put_together(server: Server, size: int) -> None:
    connection = server.connect()
    connection.request("POST", "/mutate", pieces(GOOD, size), JSON, encode_chunked=True)
    answer = connection.getresponse()

    assert answer.status == 200
    assert json.loads(answer.read())["response"]["allowed"]


def test_a_client_that_asks_first_is_told_to_continue(server: Server) -> None:
    with server.open_tls() as connection:
        connection.sendall(headers(len(GOOD), "/mutate", "Expect: 100-continue"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(GOOD.encode())
        assert read_answers(connection, 1)[0]["response"]["allowed"]


def test_what_an_api_server_sent_is_answered(serve: Serve) -> None:
    selector = {"app": "nginx-gpu-resourcepolicy"}
    server = serve(objects=[policy(unit("cn-beijing"), selector=selector), quota("cn-beijing", GU8TF=2)])

    placed = server.send(real("deployment-policy.json"))
    assert placed["auditAnnotations"] == {
        "policy": "default/fit", "unit": "0", "region": "cn-beijing", "model": "GU8TF", "reason": "placed"
    }  # fmt: skip
    refused = server.send(real("bare-two-gpus.json"))
    assert refused["status"]["code"] == 403
    assert "2 GPUs wanted, 1 of 2 remaining" in refused["status"]["message"]


# Clients that are slow, rude or many


@pytest.mark.parametrize(
    "options, path, limit",
    [
        pytest.param(["--request-timeout", "1s"], "/mutate", 1.0, id="the server's own limit"),
        pytest.param(["--request-timeout", "1s"], "/mutate?timeout=30s", 1.0, id="the server's, not a longer one"),
        pytest.param([], "/mutate?timeout=1s", 0.9, id="the caller's limit, less a margin"),
    ],
)  # fmt: skip
def test_a_body_that_comes_byte_by_byte_is_cut_off(
    serve: Serve, options: list[str], path: str, limit: float
) -> None:
    server = serve(*options, objects=pool(1000))
    assert limit - 0.1 < seconds_until_cut_off(server, headers(1000, path), b" ", pause=0.2) < limit + 1.5
    assert is_alive(server)


def test_a_chunked_body_without_end_is_cut_off(serve: Serve) -> None:
    server = serve("--request-timeout", "1s", objects=pool(1000))
    endless = headers(None, "/mutate", "Transfer-Encoding: chunked")
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"

    assert 0.9 < seconds_until_cut_off(server, endless, chunk, pause=0.001) < 3
    assert is_alive(server)


def test_slow_clients_do_not_hold_up_others(serve: Serve) -> None:
    server = serve("--request-timeout", "2s", objects=pool(1000))
    slowly = (server, headers(1000), b" ", 0.2)
    slow = [threading.Thread(target=seconds_until_cut_off, args=slowly) for _ in range(32)]
    for thread in slow:
        thread.start()
    took = []
    for _ in range(50):
        started = time.monotonic()
        assert server.send(creation(pod()))["allowed"]
        took.append(time.monotonic() - started)
    for thread in slow:
        thread.join()

    assert sorted(took)[25] < 0.5
    assert is_alive(server)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="before the first byte"),
        pytest.param(headers(1000)[:40], id="in the middle of the headers"),
        pytest.param(headers(1000), id="before the body"),
        pytest.param(headers(1000) + b"{" * 999, id="one byte before the end of the body"),
        pytest.param(headers(len(GOOD)) + GOOD.encode(), id="before the answer"),
    ],
)
def test_connections_that_break_leave_nothing_behind(server: Server, sent: bytes) -> None:
    for _ in range(20):
        connection = server.open_tls()
        connection.sendall(sent)
        connection.close()
    assert is_alive(server)
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 5


def test_bytes_that_are_not_tls_are_turned_away(server: Server) -> None:
    for first in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\0" * 100, b"\0"):
        plain = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        plain.connect()
        plain.sock.sendall(first)
        plain.sock.close()
    assert is_alive(server)


def test_three_hundred_idle_connections_are_no_burden(server: Server) -> None:
    idle = [server.open_tls() for _ in range(300)]
    try:
        assert is_alive(server)
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 5
    finally:
        for connection in idle:
            connection.close()


# The log


def test_every_refused_body_is_in_the_log_on_a_line_of_json(serve: Serve) -> None:
    server = serve("--log-format", "json", "--log-level", "debug", objects=pool(1))
    for body in (b"\x01\x7f\xff", '"', GOOD.replace("CREATE", 'a \\"quoted\\"\\nword')):
        assert server.ask("POST", "/mutate", body, JSON).status == 400
    lines = [json.loads(line) for line in server.log().splitlines()]
    refused = [line for line in lines if line["msg"] == "a review was not answered"]

    assert [line["status"] for line in refused] == [400] * 3
    assert "quoted" in refused[2]["reason"]
