"""What regionfit wants to be, held against what was measured.

What is promised to pods is kept until they end, and a run in which none ends leaves a ledger of hundreds of thousands
behind: such runs say nothing about the memory of a server. It is compared where no policy matches, and where the pods
that are placed come and go.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MB = 1e6
USUAL = "3.6 KB, 16 connections"
MANY = "3.6 KB, 64 connections"
UNMATCHED = "no policy matches"
HOT = (UNMATCHED, "placed, memory ledger")

Figures = dict[str, Any]


@dataclass
class Target:
    what: str
    measured: float
    limit: float
    least: bool = True

    @property
    def reached(self) -> bool:
        return self.measured >= self.limit if self.least else self.measured <= self.limit

    @property
    def wanted(self) -> str:
        return f"{'at least' if self.least else 'at most'} {self.limit:.2f}"


def check(results: Figures) -> list[Target]:
    """Those for which all that they need was measured."""
    servers = {case["case"]: {one["server"]: one for one in case["servers"]} for case in results["cases"]}
    usual, many = servers.get(USUAL, {}), servers.get(MANY, {})
    return [*hot(usual), *ledger(many), *policies(usual), *memory(usual.get("go"), results)]


def hot(servers: dict[str, Figures]) -> Iterator[Target]:
    for name in HOT:
        one, floor, go = (servers.get(key) for key in (f"regionfit, {name}", "floor", "go"))
        if one and floor:
            yield Target(f"{name}: throughput, of the floor's", one["of_floor"], 0.9)
            yield Target(f"{name}: p99, of the floor's", one["p99_ms"] / floor["p99_ms"], 2, least=False)
        if one and "of_rust" in one:
            yield Target(f"{name}: throughput, of the Rust peer's", one["of_rust"], 1)
        if one and go:
            yield Target(f"{name}: throughput, of the Go peer's", one["of_go"], 12)
        if one and go and name == UNMATCHED:
            of_go = one["resident_bytes"] / go["resident_bytes"]
            yield Target(f"{name}: memory, of the Go peer's", of_go, 1 / 3, least=False)


def ledger(servers: dict[str, Figures]) -> Iterator[Target]:
    one = servers.get("regionfit, placed, file ledger")
    if one and "of_floor" in one:
        yield Target("file ledger, 64 connections: throughput, of the floor's", one["of_floor"], 0.5)


def policies(servers: dict[str, Figures]) -> Iterator[Target]:
    few, many = (servers.get(f"regionfit, placed, {number} policies") for number in (10, 10_000))
    if few and many:
        ratio = statistics.median(b["rate"] / a["rate"] for a, b in zip(few["rounds"], many["rounds"], strict=True))
        yield Target("10,000 policies: throughput, of that with 10 in the same round", ratio, 0.9)


def memory(go: Figures | None, results: Figures) -> Iterator[Target]:
    """Under load, with 1,000 policies, of pods that come and go. Heaps fill at first; what leaks goes on growing."""
    found = results.get("endurance")
    if found:
        *_, last = samples = found["samples"]
        half_way = next(one for one in samples if one["requests"] >= last["requests"] / 2)
        grown = last["resident_bytes"] / half_way["resident_bytes"]
        what = "1,000 policies, pods that come and go"
        yield Target(f"{what}: memory under load, MB", found["peak_bytes"] / MB, 10, least=False)
        yield Target(f"{what}: memory at the end, of that half-way", grown, 1.02, least=False)
        if go:
            of_go = found["peak_bytes"] / go["resident_bytes"]
            yield Target(f"{what}: memory under load, of the Go peer's", of_go, 1 / 3, least=False)
