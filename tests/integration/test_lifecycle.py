"""Starting, changing while it runs, and stopping: no request is lost on the way.

A request counts as accepted once the TLS handshake is done: from then on it must be answered. A connection that is
refused or reset before that never got in.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from binary import run
from conftest import Serve
from load import Load
from objects import creation, pod, pool, reservation_of
from server import JSON, Answer, wait_until, write_manifests
from test_ledger import charged


# Stopping


@pytest.mark.parametrize("per_connection", [10**9, 3], ids=["on lasting connections", "on ever new connections"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_stop_amid_32_clients_answers_what_was_accepted(serve: Serve, number: int, per_connection: int) -> None:
    server = serve(objects=pool(10**6))
    for _ in range(3):
        with Load(server, 32, per_connection) as load:
            server.signal(number)
            started = time.monotonic()
            assert server.wait(timeout=10) == 0
            took = time.monotonic() - started
            load.join()
        assert load.failures == []
        assert load.refused == 32
        assert took < 5
        assert {reservation_of(one) for one in load.answered if one} <= charged(server.state).keys()
        assert "msg=stopped" in server.log()
        server.start()


def test_new_connections_are_refused_while_what_came_in_is_finished(serve: Serve) -> None:
    server = serve("--request-timeout", "5s", objects=pool(10))
    body = json.dumps(creation(pod())).encode()
    connection = server.connect()
    connection.putrequest("POST", "/mutate")
    for name, value in {**JSON, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body[:100])
    wait_until("the server has the connection", lambda: server.ask("GET", "/livez").status == 200)
    server.signal(signal.SIGTERM)
    server.wait_for_log("msg=stopping")
    wait_until("it refuses connections", lambda: is_refused(server.port))

    connection.send(body[100:])
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Connection"] == "close"
    assert json.loads(answer.read())["response"]["allowed"]
    assert server.wait() == 0


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionError:
        return True
    return False


def test_a_client_that_never_finishes_does_not_keep_it_from_stopping(serve: Serve) -> None:
    server = serve("--request-timeout", "1s", objects=pool(10))
    with server.open_tls() as connection:
        connection.sendall(b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 1000\r\n\r\n{")  # fmt: skip
        assert server.ask("GET", "/livez").status == 200
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 4


# Being told to stop a while before


@pytest.mark.parametrize("per_connection", [10**9, 3], ids=["on lasting connections", "on ever new connections"])
def test_for_the_shutdown_delay_everybody_is_answered(serve: Serve, per_connection: int) -> None:
    server = serve("--shutdown-delay", "3s", objects=pool(10**6))
    with Load(server, 16, per_connection) as load:
        server.signal(signal.SIGTERM)
        started = time.monotonic()
        server.wait_for_log("msg=stopping")
        before = len(load.answered)
        wait_until("2 s have passed", lambda: time.monotonic() - started > 2)
        assert server.ask("GET", "/readyz").status == 503
    assert load.failures == [] and load.refused == 0
    assert len(load.answered) > before + 16
    assert server.wait() == 0
    assert time.monotonic() - started > 3
    assert {reservation_of(one) for one in load.answered if one} <= charged(server.state).keys()


def test_for_the_shutdown_delay_it_is_alive_and_unready_and_asks_to_be_left(serve: Serve) -> None:
    server = serve("--shutdown-delay", "60s", objects=pool(10))
    idle = server.connect()
    server.signal(signal.SIGTERM)
    server.wait_for_log("msg=stopping")

    unready = wait_until("it is unready", lambda: only_if(server.ask("GET", "/readyz"), 503))
    assert "[-]serving failed: shutting down" in unready.text and unready.headers["Connection"] == "close"
    alive = server.ask("GET", "/livez")
    assert alive.status == 200 and alive.headers["Connection"] == "close"
    assert server.create(pod(), idle), "who is connected already may ask once more"
    assert idle.sock is None
    assert server.create(pod())


def only_if(answer: Answer, status: int) -> Answer | None:
    return answer if answer.status == status else None


def test_for_the_shutdown_delay_policies_and_signals_to_read_again_are_followed(serve: Serve) -> None:
    server = serve("--shutdown-delay", "60s", objects=pool(1))
    server.signal(signal.SIGTERM)
    server.wait_for_log("msg=stopping")
    assert server.create(pod()) and not server.create(pod())

    write_manifests(server.manifests, *pool(3))
    wait_until("there is more room", lambda: server.create(pod()))
    server.signal(signal.SIGHUP)
    assert server.create(pod())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_second_signal_ends_the_shutdown_delay(serve: Serve, number: int) -> None:
    server = serve("--shutdown-delay", "100000h", objects=pool(10))
    server.signal(signal.SIGTERM)
    server.wait_for_log("msg=stopping")
    started = time.monotonic()
    server.signal(number)
    assert server.wait() == 0
    assert time.monotonic() - started < 4


# Starting


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    write_manifests(tmp_path / "manifests", *pool(1))
    return tmp_path / "manifests"


@pytest.mark.parametrize(
    "words, status, said",
    [
        pytest.param("", 2, "--manifests or --kubeconfig is missing", id="no manifests are named"),
        pytest.param("--manifests", 2, "lacks its value", id="an option without its value"),
        pytest.param("--manifests M extra", 2, '"extra"', id="an argument that is none"),
        pytest.param("--manifests M --frob", 2, "--frob", id="an option that does not exist"),
        pytest.param("--manifests M -x", 2, "-x", id="a short option that does not exist"),
        pytest.param("--manifests M --tls-cert C", 2, "go together", id="a certificate without its key"),
        pytest.param("--manifests M --tls-key K", 2, "go together", id="a key without its certificate"),
        pytest.param("--manifests M --log-level loud", 2, '"loud"', id="an unknown level"),
        pytest.param("--manifests M --log-format xml", 2, '"xml"', id="an unknown format"),
        pytest.param("--manifests M --request-timeout 0s", 2, "at least 100ms", id="no time for requests"),
        pytest.param("--manifests M --request-timeout 10", 2, "duration", id="a time without its unit"),
        pytest.param("--manifests M --shutdown-delay -1s", 2, "at least 0s", id="a delay that ends before"),
        pytest.param("--manifests M --when-nothing-fits hold", 2, "hold does not exist yet", id="hold"),
        pytest.param("--manifests M --when-nothing-fits maybe", 2, '"maybe"', id="neither allow nor deny"),
        pytest.param("--manifests M --kubeconfig K", 2, "without a cluster", id="files and a cluster"),
        pytest.param("--manifests M --capacity-from-nodes", 2, "without a cluster", id="nodes without a cluster"),
        pytest.param("--kubeconfig K --identity One", 2, "DNS name", id="an identity that is no DNS name"),
        pytest.param("--kubeconfig K --identity regionfit", 2, "not regionfit", id="the leader's name as identity"),
        pytest.param("--kubeconfig K --ledger-ttl 10", 2, "duration", id="a time to live without its unit"),
        pytest.param("--manifests M --tls-secret S", 2, "without a cluster", id="a Secret without a cluster"),
        pytest.param(
            "--kubeconfig K --tls-secret S --tls-san a", 2, "needs --webhook-configuration", id="a CA for nobody"
        ),
        pytest.param(
            "--kubeconfig K --tls-secret S --webhook-configuration W", 2, "needs --tls-san", id="no names"
        ),
        pytest.param(
            "--kubeconfig K --tls-secret S --tls-cert C --tls-key K --webhook-configuration W",
            2,
            "one of them",
            id="a Secret and files",
        ),
        pytest.param("--kubeconfig K --tls-san a", 2, "--tls-secret", id="a name for a certificate that is given"),
        pytest.param("--kubeconfig K --tls-days 0", 2, "1 to 36500", id="a certificate that never lives"),
        pytest.param("--kubeconfig K --ca-days 36501", 2, "1 to 36500", id="a CA that outlives us"),
        pytest.param("--kubeconfig K --tls-days 1.5", 2, '"1.5"', id="half a day"),
        pytest.param("--kubeconfig K --ca-overlap 10ms", 2, "at least 1s", id="no overlap"),
        pytest.param("--kubeconfig K --ca-overlap 10s", 2, "needs --webhook-configuration", id="an overlap of nothing"),
        pytest.param("--kubeconfig K --tls-ca A", 2, "needs --tls-cert", id="a CA without its certificate"),
        pytest.param(
            "--kubeconfig K --webhook-configuration W", 2, "needs --tls-secret, or --tls-cert", id="nothing to trust"
        ),
        pytest.param("--kubeconfig nowhere", 1, "nowhere", id="a kubeconfig that is not there"),
        pytest.param("--manifests nowhere", 1, "nowhere", id="a folder that is not there"),
        pytest.param("--manifests M/objects.json", 1, "objects.json", id="a file for a folder"),
        pytest.param("--manifests M --listen 127.0.0.1", 1, "ADDR:PORT", id="an address without a port"),
        pytest.param("--manifests M --listen localhost:0", 1, "numeric", id="a name for an address"),
        pytest.param("--manifests M --listen 127.0.0.1:99999", 1, "127.0.0.1:99999", id="a port that is too large"),
        pytest.param("--manifests M --listen 192.0.2.1:0", 1, "cannot listen on 192.0.2.1:0", id="another's address"),
        pytest.param("--manifests M --tls-cert C --tls-key K", 1, "C", id="a certificate that is not there"),
        pytest.param("--manifests M --state M/objects.json", 1, "objects.json", id="a file for the state"),
        pytest.param("--manifests M --state no/where", 1, "no/where", id="a state below a folder that is not there"),
    ],
)
def test_what_cannot_work_is_said_before_the_first_request(
    tmp_path: Path, manifests: Path, words: str, status: int, said: str
) -> None:
    done = run("serve", *words.replace("M", str(manifests)).split(), cwd=tmp_path)

    assert done.returncode == status, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("regionfit serve: ")
    assert said in last
    assert done.stdout == ""


def test_an_address_in_use_is_refused(serve: Serve, manifests: Path) -> None:
    server = serve()
    done = run("serve", "--manifests", manifests, "--listen", f"127.0.0.1:{server.port}")
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{server.port}: Address already in use" in done.stderr


def test_a_state_folder_belongs_to_one_process(serve: Serve, manifests: Path) -> None:
    server = serve(objects=pool(1))
    second = ["serve", "--manifests", manifests, "--state", server.state, "--listen", "127.0.0.1:0"]
    done = run(*second)
    assert done.returncode == 1
    assert f"another process is using the folder {server.state}" in done.stderr
    assert server.create(pod())
    server.kill()
    server.start()
    assert server.remaining() == 0


def test_it_listens_on_ipv6_too(serve: Serve) -> None:
    server = serve("--listen", "[::1]:0", objects=pool(1))
    assert f"address=[::1]:{server.port}" in server.log()
    assert server.create(pod())


def test_without_a_state_folder_it_warns(serve: Serve) -> None:
    server = serve(objects=pool(1), state=False)
    assert re.search(r"level=warn .*the ledger lives in memory", server.log())
    assert re.search(r"level=warn .*the certificate lives in memory", server.log())
    assert server.create(pod())


# The log


LOGFMT = re.compile(r'(?:[A-Za-z]+=(?:"(?:[^"\\]|\\.)*"|[^ "=]+)(?: |$))+')


def test_the_log_is_one_logfmt_line_for_each_decision(serve: Serve) -> None:
    server = serve("--log-level", "debug", objects=pool(1))
    for _ in range(3):
        server.send(creation(pod(name="a name=\"quoted\"\n")))
    lines = server.log().splitlines()

    assert all(LOGFMT.fullmatch(line) for line in lines)
    assert sum("msg=decision" in line for line in lines) == 3
    assert sum("outcome=placed" in line for line in lines) == 1


def test_decisions_are_for_debugging(serve: Serve) -> None:
    server = serve(objects=pool(1))
    server.send(creation(pod()))
    assert "msg=decision" not in server.log()


def test_the_log_is_one_object_for_each_decision(serve: Serve) -> None:
    server = serve("--log-level", "debug", "--log-format", "json", objects=pool(1))
    asked = [creation(pod(name='quo"ted\n\u00fc\u2028')) for _ in range(3)]
    for one in asked:
        server.send(one)
    server.stop()
    lines = [json.loads(line) for line in server.log().split("\n") if line]
    decisions = [line for line in lines if line["msg"] == "decision"]

    assert [line["uid"] for line in decisions] == [one["request"]["uid"] for one in asked]
    assert [line["outcome"] for line in decisions] == ["placed", "denied", "denied"]
    assert all(line["pod"] == 'quo"ted\n\u00fc\u2028' for line in decisions)
    assert {"time", "level", "msg"} <= set.intersection(*(set(line) for line in lines))
    assert lines[-1]["msg"] == "stopped"
