"""Load by wrk: of requests that are counted and differ (requests.lua), of one, as fast as it goes (repeat.lua),
or of pods that come and go (lifecycle.lua).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import write_private
from process import Process

SCRIPT = Path(__file__).resolve().parent / "requests.lua"
REPEAT = SCRIPT.with_name("repeat.lua")
LIFECYCLE = SCRIPT.with_name("lifecycle.lua")
UNLIMITED = 1_000_000_000
SLOWEST = 20  # requests a second
ID = "ID" * 16  # in a body: digits that are different each time


class LoadError(Exception):
    """wrk did not say what came of it."""


@dataclass
class Result:
    """`rate` is of the accepted ones, a second; latencies are in ms, those of connections that had to wait for their
    turn included (wrk corrects them for coordinated omission)."""

    accepted: int
    refused: int
    failed: int
    rate: float
    seconds: float
    p50: float
    p99: float
    failure: str


def write_requests(path: Path, token: str, requests: Iterable[tuple[str, Any]]) -> Path:
    """Each a path and what to POST there."""
    lines = (f"{target}\t{json.dumps(body, separators=(',', ':'))}" for target, body in requests)
    return write_private(path, "\n".join([token, *lines]) + "\n")


def send(
    url: str, requests: Path, connections: int, seconds: float = UNLIMITED, number: int = UNLIMITED, patience: int = 60
) -> Result:
    """For so many seconds, or so many of them; the last answers may take `patience` seconds more."""
    duration = patience + int(min(seconds, number / SLOWEST))
    options = ["-t1", f"-c{connections}", f"-d{duration}s", "--timeout", f"{patience}s", "-s", str(SCRIPT), url]
    limits = ["--", str(requests), str(seconds), str(number)]
    log = requests.with_suffix(".log")
    process = Process("wrk", ["wrk", *options, *limits], log)
    try:
        process.popen.wait(duration + 30)
    finally:
        if process.popen.poll() is None:
            process.kill()
    return parse(process)


def words_of(process: Process) -> dict[str, str]:
    """What it says, by the first word of each line."""
    return {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in process.text().splitlines()}


def parse(process: Process) -> Result:
    words = words_of(process)
    if "result" not in words:
        raise LoadError(str(process.failure("ended without a result")))
    accepted, refused, failed, *figures = words["result"].split()
    return Result(int(accepted), int(refused), int(failed), *map(float, figures), words.get("failure", "").strip())


# What kube-apiserver, which is written in Go, agrees on with any server that can, where the CPU knows AES.
CLIENT_TLS = """\
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = tls
[tls]
MinProtocol = TLSv1.3
Ciphersuites = TLS_AES_128_GCM_SHA256
Groups = X25519
"""


@dataclass
class Repeated:
    """Latencies are in ms, as in Result. `refused` had a status of 400 and more, or a pod was; `failed` no answer."""

    requests: int
    bytes: int
    seconds: float
    refused: int
    failed: int
    p50: float
    p99: float
    failure: str

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def repeat(url: str, body: Path, connections: int, seconds: int, close: bool = False) -> Repeated:
    """Sends the same all the time."""
    return run(REPEAT, url, connections, seconds, body, "close" if close else "keep")


def come_and_go(url: str, creation: Path, deletion: Path, connections: int, seconds: int) -> Repeated:
    """Creates pods, and deletes what was created; a second more is for the last ones."""
    return run(LIFECYCLE, url, connections, seconds + 1, creation, deletion, seconds)


def run(script: Path, url: str, connections: int, seconds: int, body: Path, *more: Any) -> Repeated:
    """By as many threads as there are CPUs."""
    configuration = body.with_suffix(".openssl")
    configuration.write_text(CLIENT_TLS)
    threads = min(connections, len(os.sched_getaffinity(0)))
    options = [f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), url]
    command = ["env", f"OPENSSL_CONF={configuration}", "wrk", *options, "--", str(body), *map(str, more)]
    process = Process("wrk", command, body.with_suffix(".log"))
    try:
        process.popen.wait(seconds + 30)
    finally:
        if process.popen.poll() is None:
            process.kill()
    words = words_of(process)
    if "repeated" not in words:
        raise LoadError(str(process.failure("ended without a result")))
    requests, size, elapsed, refused, failed, p50, p99 = words["repeated"].split()
    counts = (int(requests), int(size), float(elapsed), int(refused), int(failed))
    return Repeated(*counts, float(p50), float(p99), words.get("failure", "").strip())
