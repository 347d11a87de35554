"""A target that is missed is told as missed, and one that lacks a measurement is not told at all."""

from __future__ import annotations

from typing import Any

import pytest

import targets

HOT = {"of_floor": 0.95, "of_rust": 1.2, "of_go": 13.6, "p99_ms": 2.0, "resident_bytes": 9e6, "rate": 9500}
PLACED = "regionfit, placed, memory ledger"


GO = {"server": "go", "resident_bytes": 30e6, "rate": 700}


def results(server: str = PLACED, **changed: float) -> dict[str, Any]:
    """As good as wanted, but for what is changed of one server."""
    servers = [{"server": "floor", "p99_ms": 1.0, "rate": 10_000}, GO, {"server": server, **HOT, **changed}]
    return {"cases": [{"case": targets.USUAL, "servers": servers}]}


def missed(found: dict[str, Any]) -> list[str]:
    return [one.what.rpartition(": ")[2] for one in targets.check(found) if not one.reached]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"of_floor": 0.89}, ["throughput, of the floor's"], id="slower than the floor"),
        pytest.param({"p99_ms": 2.1}, ["p99, of the floor's"], id="late"),
        pytest.param({"of_rust": 0.99}, ["throughput, of the Rust peer's"], id="behind the Rust peer"),
        pytest.param({"of_go": 11.9}, ["throughput, of the Go peer's"], id="not far enough ahead of the Go peer"),
        pytest.param({"resident_bytes": 99e6}, [], id="large by what is promised to pods"),
    ],
)
def test_what_is_missed_is_told(changed: dict[str, float], what: list[str]) -> None:
    assert missed(results(**changed)) == what


def test_memory_is_compared_where_nothing_is_promised() -> None:
    found = results("regionfit, no policy matches", resident_bytes=11e6)
    assert missed(found) == ["memory, of the Go peer's"]


@pytest.mark.parametrize(("rate", "what"), [(9000, []), (8999, ["throughput, of that with 10 in the same round"])])
def test_many_policies_may_cost_a_tenth(rate: float, what: list[str]) -> None:
    """The machine was slower in the second of three rounds, which both have measured."""
    few, many = (f"regionfit, placed, {number} policies" for number in (10, 10_000))
    rounds = [[{"rate": one * speed} for speed in (1, 0.5, 1)] for one in (10_000, rate)]
    servers = [{"server": few, "rounds": rounds[0]}, {"server": many, "rounds": rounds[1]}]
    assert missed({"cases": [{"case": targets.USUAL, "servers": servers}]}) == what


@pytest.mark.parametrize(("ratio", "what"), [(0.5, []), (0.49, ["throughput, of the floor's"])])
def test_a_ledger_on_disk_may_cost_half(ratio: float, what: list[str]) -> None:
    servers = [{"server": "regionfit, placed, file ledger", "of_floor": ratio}]
    assert missed({"cases": [{"case": targets.MANY, "servers": servers}]}) == what


@pytest.mark.parametrize(
    ("peak", "last", "what"),
    [
        pytest.param(10e6, 9e6, [], id="small and flat"),
        pytest.param(10.1e6, 9e6, ["memory under load, MB"], id="large"),
        pytest.param(10e6, 9.3e6, ["memory at the end, of that half-way"], id="growing"),
    ],
)
def test_memory_is_small_and_flat(peak: float, last: float, what: list[str]) -> None:
    samples = [{"requests": number, "resident_bytes": size} for number, size in ((0, 5e6), (1, 9e6), (2, last))]
    assert missed({"cases": [], "endurance": {"peak_bytes": peak, "samples": samples}}) == what


def test_what_was_not_measured_is_not_told() -> None:
    assert targets.check({"cases": []}) == []


@pytest.mark.parametrize(("peak", "what"), [(9.9e6, []), (10e6, ["memory under load, of the Go peer's"])])
def test_memory_under_load_is_a_third_of_the_go_peers(peak: float, what: list[str]) -> None:
    go = {**GO, "resident_bytes": 29.7e6}
    samples = [{"requests": number, "resident_bytes": 9e6} for number in (1, 2)]
    found = {"cases": [{"case": targets.USUAL, "servers": [go]}], "endurance": {"peak_bytes": peak, "samples": samples}}
    assert missed(found) == what
