"""Counts the instructions of a review, case by case, and compares them with those of instructions.json.

callgrind counts what a program executes, not how long that takes, so the figures are the same on a busy machine. They
do depend on the compiler and the C library a little; what has risen by more than a tenth is a change of ours.

    instructions.py PROGRAM REVIEWS            compares; fails where a case has become dearer
    instructions.py PROGRAM REVIEWS --write    writes down what they are now
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

KEPT = Path(__file__).with_suffix(".json")
RISE_MAX = 1.10


def count(program: str, reviews: str) -> dict[str, int]:
    """Instructions for one review, by case: callgrind writes a profile each time that handle() returns."""
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        command = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={profile}"]
        command += ["--toggle-collect=handle", "--dump-after=handle", program, reviews]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        counts = {}
        for number, line in enumerate(lines, 1):
            times, case = line.split(" ", 1)
            counts[case] = total(Path(f"{profile}.{number}")) // int(times)
        return counts


def total(profile: Path) -> int:
    for line in profile.read_text().splitlines():
        if line.startswith("totals:"):
            return int(line.split()[1])
    raise ValueError(f"{profile} has no total")


def complaints(counts: dict[str, int], kept: dict[str, int]) -> list[str]:
    """A sentence for each case that is dearer than what is kept allows, or that only one of the two has."""
    sentences = []
    for case, now in counts.items():
        if case not in kept:
            sentences.append(f'"{case}" is not kept in {KEPT.name}; --write adds it')
        elif now > RISE_MAX * kept[case]:
            rise = f"{100 * (now / kept[case] - 1):.0f} % more than the {kept[case]:,} of {KEPT.name}"
            sentences.append(f'"{case}" takes {now:,} instructions, {rise}')
    return sentences + [f'"{case}" of {KEPT.name} was not counted' for case in kept if case not in counts]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("reviews")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    counts = count(options.program, options.reviews)
    if options.write:
        KEPT.write_text(json.dumps(counts, indent=2) + "\n")
    kept = json.loads(KEPT.read_text())
    for case, instructions in counts.items():
        print(f"{instructions:>12,}  kept {kept.get(case, 0):>12,}  {case}")
    found = complaints(counts, kept)
    for sentence in found:
        print(f"instructions: {sentence}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
