"""A rise of more than a tenth is told, and fails; a fall, or a smaller rise, does not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import instructions

KEPT = {"placed": 1000, "denied": 2000}


@pytest.mark.parametrize(
    ("counts", "sentences"),
    [
        pytest.param({"placed": 1000, "denied": 2000}, [], id="as they were"),
        pytest.param({"placed": 1100, "denied": 2200}, [], id="a tenth more"),
        pytest.param({"placed": 10, "denied": 20}, [], id="less"),
        pytest.param(
            {"placed": 1101, "denied": 2000},
            ['"placed" takes 1,101 instructions, 10 % more than the 1,000 of instructions.json'],
            id="more than a tenth more",
        ),
        pytest.param(
            {"placed": 1000, "denied": 2000, "new": 1},
            ['"new" is not kept in instructions.json; --write adds it'],
            id="a case that is not kept",
        ),
        pytest.param({"placed": 1000}, ['"denied" of instructions.json was not counted'], id="a case that is gone"),
    ],
)
def test_what_is_dearer_is_told(counts: dict[str, int], sentences: list[str]) -> None:
    assert instructions.complaints(counts, KEPT) == sentences


@pytest.mark.parametrize(("now", "status"), [(1100, 0), (1101, 1)])
def test_a_rise_fails(
    now: int,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = tmp_path / "instructions.json"
    kept.write_text(json.dumps({"placed": 1000}))
    monkeypatch.setattr(instructions, "KEPT", kept)
    monkeypatch.setattr(instructions, "count", lambda program, reviews: {"placed": now})
    monkeypatch.setattr(sys, "argv", ["instructions.py", "program", "reviews"])
    assert instructions.main() == status
    assert ("10 % more than" in capsys.readouterr().err) == bool(status)
