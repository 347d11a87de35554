"""Load by wrk: requests.lua says what it sends, and when it ends."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster import write_private
from process import Process

SCRIPT = Path(__file__).resolve().parent / "requests.lua"
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


def parse(process: Process) -> Result:
    words = {line.split(" ", 1)[0]: line.split(" ", 1)[-1] for line in process.text().splitlines()}
    if "result" not in words:
        raise LoadError(str(process.failure("ended without a result")))
    accepted, refused, failed, *figures = words["result"].split()
    return Result(int(accepted), int(refused), int(failed), *map(float, figures), words.get("failure", "").strip())
