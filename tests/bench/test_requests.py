"""`./dev bench requests`, in a hurry: it measures, looks at the answers, and leaves nothing running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
REGIONFIT = Path(os.environ.get("REGIONFIT", HERE.parents[1] / "build" / "gcc" / "webhook" / "regionfit"))
FLOOR = REGIONFIT.parents[1] / "tests" / "floor"
CASES = ["no policy matches", "denied"]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    figures = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, str(HERE / "beside_peers.py"), "--regionfit", str(REGIONFIT), "--floor", str(FLOOR)]
    command += ["--quick", "--only", "floor", "--only", "regionfit", "--json", str(figures)]
    done = subprocess.run(
        [*command, *[word for name in CASES for word in ("--case", name)]], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(figures.read_text())["cases"]
    assert all(server["server"] in done.stdout for server in one["servers"])
    return one


def test_floor_and_regionfit_are_measured_in_each_wanted_case(case: dict[str, Any]) -> None:
    assert [server["server"] for server in case["servers"]] == ["floor", *[f"regionfit, {name}" for name in CASES]]


def test_ratios_are_those_of_the_rates(case: dict[str, Any]) -> None:
    floor, *others = case["servers"]
    assert floor["of_floor"] == 1
    for server in others:
        assert server["of_floor"] == pytest.approx(server["rate"] / floor["rate"])
        cpu = [one["cpu_us"] + one["client_cpu_us"] for one in (floor, server)]
        assert server["of_floor_by_cpu"] == pytest.approx(cpu[0] / cpu[1])


def test_every_figure_has_been_measured(case: dict[str, Any]) -> None:
    for server in case["servers"]:
        assert 0 < server["p50_ms"] <= server["p99_ms"]
        assert min(server[key] for key in ("requests", "rate", "cpu_us", "client_cpu_us", "resident_bytes")) > 0
