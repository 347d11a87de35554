"""What is promised is kept: never more than the pool has, whatever runs at once and whatever crashes.

The pools are those of objects.pool(): one policy, one region. Numbers are checked against what clients were told and
against the file as a reader of its own sees it, never against what the server says it has.
"""

from __future__ import annotations

import http.client
import json
import re
import resource
import signal
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from binary import run
from conftest import Serve
from objects import Object, creation, pod, pool, removal, reservation_of
from server import JSON, Server

CLIENTS = 64
GPUS = 100


def records(state: Path) -> Iterator[Object]:
    """The ledger's file: lines of a CRC-32 and a JSON array, the first of which is the header."""
    *whole, _torn = (state / "ledger.log").read_bytes().split(b"\n")
    for line in whole[1:]:
        checksum, text = line.split(b" ", 1)
        assert int(checksum, 16) == zlib.crc32(text)
        yield from json.loads(text)


def charged(state: Path) -> dict[str, int]:
    """GPUs by reservation, as the file tells."""
    live: dict[str, int] = {}
    for record in records(state):
        if record["op"] == "reserve":
            live[record["id"]] = record["gpus"]
        elif record["op"] == "release":
            live.pop(record["id"], None)
    return live


# Many at once, and crashes


class Crowd:
    """Clients that create pods, each on a connection of its own, until they are refused or cut off."""

    def __init__(self, server: Server, gpus: int = 1) -> None:
        self.server = server
        self.gpus = gpus
        self.stored: list[Object] = []
        self.refused = 0
        self.lock = threading.Lock()
        self.reached = threading.Event()

    def run(self, kill_after: int | None = None) -> Crowd:
        with ThreadPoolExecutor(CLIENTS) as clients:
            running = [clients.submit(self.client, kill_after) for _ in range(CLIENTS)]
            if kill_after is not None:
                assert self.reached.wait(30)
                self.server.kill()
            for one in running:
                one.result()
        return self

    def client(self, kill_after: int | None) -> None:
        try:
            connection = self.server.connect()
            while created := self.server.create(pod(self.gpus), connection):
                with self.lock:
                    self.stored.append(created)
                    if len(self.stored) == kill_after:
                        self.reached.set()
            with self.lock:
                self.refused += 1
        except (OSError, http.client.HTTPException):
            if kill_after is None:
                raise

    def ids(self) -> set[str]:
        return {reservation_of(one) for one in self.stored}


@pytest.mark.parametrize("number", range(20), ids=lambda number: f"round {number + 1}")
def test_a_kill_amid_64_clients_neither_loses_nor_doubles_a_promise(serve: Serve, number: int) -> None:
    server = serve(objects=pool(GPUS))
    before = Crowd(server).run(kill_after=1 + number * (GPUS - 5) // 20)
    assert before.ids() <= charged(server.state).keys()

    server.start()
    kept = charged(server.state)
    assert before.ids() <= kept.keys()
    assert server.wait_for_log(r"reservations=(\d+)")[1] == str(len(kept))
    assert server.remaining() == GPUS - len(kept)

    after = Crowd(server).run()
    assert after.refused == CLIENTS
    assert len(after.stored) == len(after.ids()) == GPUS - len(kept)
    assert charged(server.state).keys() == kept.keys() | after.ids()


@pytest.mark.parametrize("number", range(20), ids=lambda number: f"round {number + 1}")
def test_64_clients_are_granted_exactly_what_there_is(serve_once: Serve, number: int) -> None:
    gpus = 1 + number % 3
    server = serve_once(objects=pool(GPUS), state=number % 2 == 0)
    crowd = Crowd(server, gpus).run()

    assert crowd.refused == CLIENTS
    assert len(crowd.stored) == len(crowd.ids()) == GPUS // gpus
    assert server.remaining() == GPUS % gpus


def test_creating_and_removing_at_once_never_goes_over(serve: Serve) -> None:
    server = serve(objects=pool(10))
    held, most = 0, 0
    lock = threading.Lock()

    def count(change: int) -> None:
        nonlocal held, most
        with lock:
            held += change
            most = max(most, held)

    def live_and_die(_: int) -> None:
        connection = server.connect()
        for _ in range(40):
            if created := server.create(pod(), connection):
                count(1)
                count(-1)  # before the server hears of it: what we count is a lower bound of what it holds
                server.send(removal(created), connection)

    with ThreadPoolExecutor(32) as clients:
        list(clients.map(live_and_die, range(32)))
    assert 1 <= most <= 10
    assert server.remaining() == 10
    assert charged(server.state) == {}


# The file


def fill(server: Server, count: int) -> list[Object]:
    stored = [server.create(pod()) for _ in range(count)]
    assert all(stored)
    return [one for one in stored if one]


@pytest.mark.parametrize(
    "spoil, lost",
    [
        pytest.param(lambda data: data[:-1], 1, id="its newline is missing"),
        pytest.param(lambda data: data[:-40], 1, id="a part of its last record is missing"),
        pytest.param(lambda data: data[: data.rindex(b"\n", 0, -1) + 2], 1, id="but one byte of it is missing"),
        pytest.param(lambda data: data + b"0", 0, id="one byte of a further record is there"),
        pytest.param(lambda data: data + b"deadbeef [{", 0, id="a part of a further record is there"),
        pytest.param(lambda data: data + b"\0" * 4096, 0, id="the file system has left a page of zeros"),
        pytest.param(lambda data: data + b"\0" * 100 + b"\n", 0, id="the zeros end in a newline"),
        pytest.param(lambda data: data[:-9] + b"\0" * 8 + b"\n", 1, id="its last bytes never reached the disk"),
    ],
)
def test_a_torn_tail_is_dropped_with_a_line_in_the_log(
    serve: Serve, spoil: Callable[[bytes], bytes], lost: int
) -> None:
    server = serve(objects=pool(10))
    stored = fill(server, 3)
    server.kill()
    ledger = server.state / "ledger.log"
    ledger.write_bytes(spoil(ledger.read_bytes()))

    server.start()
    assert re.search(r'level=warn msg=".*dropped.*folder=.*bytes=[1-9]', server.log())
    assert server.remaining() == 10 - 3 + lost
    assert charged(server.state).keys() == {reservation_of(one) for one in stored[: 3 - lost]}

    fill(server, 1)
    server.kill()
    server.start()
    assert "dropped" not in server.log()
    assert server.remaining() == 10 - 4 + lost


def test_whatever_part_of_the_file_was_written_is_read_again(serve: Serve) -> None:
    server = serve(objects=pool(10))
    fill(server, 3)
    server.kill()
    ledger = server.state / "ledger.log"
    data = ledger.read_bytes()
    for size in range(0, len(data), len(data) // 25):
        ledger.write_bytes(data[:size])
        server.start()
        assert server.remaining() == 10 - max(data[:size].count(b"\n") - 1, 0)
        server.kill()


@pytest.mark.parametrize("line", [1, 2, 3], ids=lambda line: f"in line {line} of 4")
def test_a_flipped_bit_before_good_records_is_refused_with_file_and_line(serve: Serve, line: int) -> None:
    server = serve(objects=pool(10))
    fill(server, 3)
    server.stop()
    ledger = server.state / "ledger.log"
    lines = ledger.read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    middle = len(lines[line - 1]) // 2
    lines[line - 1] = lines[line - 1][:middle] + bytes([lines[line - 1][middle] ^ 1]) + lines[line - 1][middle + 1 :]
    ledger.write_bytes(b"".join(lines))

    done = run("serve", "--manifests", server.manifests, "--state", server.state, "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert f"{ledger}:{line}: is " in done.stderr
    assert ledger.read_bytes() == b"".join(lines)


def signed(text: str) -> bytes:
    return f"{zlib.crc32(text.encode()):08x} {text}\n".encode()


@pytest.mark.parametrize(
    "data, said",
    [
        pytest.param(signed('[{"regionfit":"ledger","version":2}]'), "ledger.log:1: is of a version", id="newer"),
        pytest.param(signed('[{"something":"else"}]'), "ledger.log:1: is not the header", id="of something else"),
        pytest.param(
            signed('[{"regionfit":"ledger","version":1}]') + signed('[{"op":"forget","id":"x"}]'),
            "ledger.log:2: record 0: op: must be reserve, release or terminate",
            id="with an operation that is none",
        ),
        pytest.param(
            signed('[{"regionfit":"ledger","version":1}]') + signed('[{"op":"reserve","id":"x"}]'),
            "ledger.log:2: record 0",
            id="with a reservation of nothing",
        ),
    ],
)
def test_a_file_that_is_whole_but_not_understood_is_left_alone(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "manifests").mkdir()
    ledger = tmp_path / "state" / "ledger.log"
    ledger.write_bytes(data)

    done = run("serve", "--manifests", tmp_path / "manifests", "--state", ledger.parent, "--listen", "127.0.0.1:0")
    assert done.returncode == 1
    assert said in done.stderr
    assert ledger.read_bytes() == data


def test_a_file_that_cannot_grow_reserves_nothing_and_says_so(serve: Serve) -> None:
    def limit_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # write(2) fails with EFBIG instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    server = serve(objects=pool(1000), prepare=limit_files)
    stored = []
    for _ in range(100):
        answer = server.ask("POST", "/mutate", json.dumps(creation(pod())), JSON)
        if answer.status != 200:
            break
        stored.append(answer)
    assert answer.status == 500
    assert answer.text.count("\n") == 1 and "ledger" in answer.text
    assert answer.headers["Connection"] == "close"  # another replica may be able to
    assert 1 < len(stored) < 100
    assert server.ask("GET", "/livez").status == 200
    assert server.remaining() == 1000 - len(stored)
    assert len(charged(server.state)) == len(stored)
