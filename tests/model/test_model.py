"""The ledger's protocol keeps its promises within these bounds, and no rule of it can be dropped.

What is proven, and what the bounds mean, is said in ledger.pml. Each search is exhaustive: one that is cut short fails.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spin import CYCLES, SAFETY, SHORTEST, Search, search

Say = Callable[[str], None]

BOUNDS = {
    "an unknown outcome and a crash": "UNKNOWNS=1 CRASHES=1 DELETES=1",
    "an unknown outcome and an older list": "UNKNOWNS=1 LISTS=1 DELETES=1",
    "two requests, and all of these": "REQUESTS=2 UNKNOWNS=1 CRASHES=1 LISTS=1 DELETES=2",
    "four requests": "REQUESTS=4 DELETES=1",
    "groups, an unknown outcome and a crash": "LIMIT=2 UNKNOWNS=1 CRASHES=1",
    "groups and an older list": "LIMIT=2 LISTS=1 DELETES=1",
    "a lost ledger and an unknown outcome": "LOSSES=1 UNKNOWNS=1 DELETES=1",
    "a lost ledger and a crash": "LOSSES=1 CRASHES=1 DELETES=1",
    "a lowered limit": "LIMIT=2 LOWERED=1",
    "a lowered limit, a lost ledger and a crash": "REQUESTS=2 LIMIT=2 LOWERED=1 LOSSES=1 CRASHES=1",
    "a forged id": "FORGERY=1 UNKNOWNS=1 LISTS=1",
    "modified pods, and versions that no watch shows": "REQUESTS=2 MODIFIES=1 OTHERS=1 LISTS=1 DELETES=1",
}

STORIES = Path(__file__).resolve().parents[2] / "build" / "model"  # the counterexamples, a file for each mutant

ABOVE = "held<="
STUCK = "capacity_is_back"

# The rule that each breaks, bounds that suffice, and what must go wrong.
MUTANTS = {
    "NO_FENCE": ("REQUESTS=2", ABOVE),
    "FENCE_WITHOUT_MAX": ("LIMIT=2", ABOVE),
    "FENCE_IS_VIEW": ("REQUESTS=2 OTHERS=1 LISTS=1", STUCK),
    "DECIDES_BEHIND_FENCE": ("REQUESTS=2", ABOVE),
    "CHECKED_AGAIN_WITHOUT_FENCE": ("REQUESTS=2", ABOVE),
    "OTHER_VERSION": ("REQUESTS=2", ABOVE),
    "USAGE_BEHIND_MATCHES": ("REQUESTS=2", ABOVE),
    "SEEN_SURVIVES_OLDER_LIST": ("REQUESTS=2 LISTS=1", ABOVE),
    "PENDING_UNCOUNTED": ("REQUESTS=2", ABOVE),
    "UNKNOWN_IS_SUCCESS": ("REQUESTS=2 UNKNOWNS=1", ABOVE),
    "REUSED_ID": ("LIMIT=2 UNKNOWNS=1", ABOVE),
    "REMOVED_BEFORE_SEEN": ("REQUESTS=2", ABOVE),
    "EXPIRY_TOO_EARLY": ("REQUESTS=2", ABOVE),
    "EXPIRY_WITHOUT_LIST": ("REQUESTS=2", ABOVE),
    "NO_EXPIRY": ("REQUESTS=2", STUCK),
    "OPENS_AT_ONCE": ("REQUESTS=2 LOSSES=1", ABOVE),
    "OPENS_WITHOUT_LIST": ("REQUESTS=2 LOSSES=1", ABOVE),
    "OPENS_WITH_OLDER_QUOTAS": ("REQUESTS=2 LIMIT=2 LOWERED=1 LOSSES=1", ABOVE),
    "FORGED_ID": ("FORGERY=1", ABOVE),
    "OLDER_QUOTAS": ("REQUESTS=2 LIMIT=2 LOWERED=1", ABOVE),
}


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Prints in any case: how much was searched belongs to the result."""

    def print_line(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="", flush=True)

    return print_line


@pytest.fixture(scope="module")
def searches() -> dict[str, Search]:
    return {}


def options(bounds: str) -> list[str]:
    return [f"-D{bound}" for bound in bounds.split()]


@pytest.mark.parametrize("name", BOUNDS)
def test_never_above_the_limit_and_capacity_comes_back(
    name: str, tmp_path: Path, say: Say, searches: dict[str, Search]
) -> None:
    found = search(tmp_path, options(BOUNDS[name]), SAFETY, "-m2000")
    assert found.complete, "\n".join([found.output, *found.story()])
    searches[name] = found
    say(f"{name}: {found.states} states, all of them")


def test_every_step_of_the_model_happens(searches: dict[str, Search], say: Say) -> None:
    if len(searches) < len(BOUNDS):
        pytest.skip("needs all of the searches")
    assert set.intersection(*(found.unreached for found in searches.values())) == set()
    say(f"together: {sum(found.states for found in searches.values())} states")


def test_every_run_ends(tmp_path: Path, say: Say) -> None:
    """Nothing is labelled as progress, so that any cycle is one without."""
    bounds = "REQUESTS=2 UNKNOWNS=1 LISTS=1 DELETES=1 LOSSES=1"
    found = search(tmp_path, options(bounds), CYCLES, "-m2000", "-l")
    assert found.complete, found.output
    say(f"no cycle: {found.states} states")


@pytest.mark.parametrize("mutant", MUTANTS)
def test_without_it_there_is_a_counterexample(mutant: str, tmp_path: Path, say: Say) -> None:
    bounds, violated = MUTANTS[mutant]
    found = search(tmp_path, [f"-DMUTANT_{mutant}", *options(bounds)], SHORTEST, "-m200", "-i")
    assert found.violated.startswith(violated), found.output
    story = found.story()
    assert story
    STORIES.mkdir(parents=True, exist_ok=True)
    (STORIES / f"{mutant}.txt").write_text("\n".join([*story, f"violated: {found.violated}", ""]))
    say(f"{mutant}: {found.violated} is violated after {len(story)} steps")
