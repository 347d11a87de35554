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
    dearer = [case for case in counts if counts[case] > RISE_MAX * kept.get(case, 0)]  # so is one that is not kept
    for case, instructions in counts.items():
        was = kept.get(case, 0)
        print(f"{instructions:>12,}  was {was:>12,}  {case}{'  <- dearer' if case in dearer else ''}")
    return 1 if dearer else 0


if __name__ == "__main__":
    sys.exit(main())
