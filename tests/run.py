"""Runs every test and closes with one line: N passed, N failed, N skipped.

Each stage builds what it needs and leaves a JUnit file, which is what is counted; a stage that fails without
saying so there (a build that breaks, a crash) counts as one failure. Stages whose names are given run alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "junit_family=xunit2"]

# Integration tests that have requests at the same time.
THREADED = ["connections", "http", "ledger", "lifecycle", "metrics", "reflector", "reload"]

SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}


@dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Count) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def count_junit(path: Path) -> Count:
    count = Count()
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            count.failed += 1
        elif case.find("skipped") is not None:
            count.skipped += 1
        else:
            count.passed += 1
    return count


def run(command: list[str], **environment: str) -> int:
    print("+", " ".join(command), flush=True)
    return subprocess.run(command, cwd=TOP, env={**os.environ, **environment}, stdin=subprocess.DEVNULL).returncode


def run_counted(command: list[str], junit: Path, **environment: str) -> Count:
    """Runs a command that writes `junit`; one that fails, or that tests nothing, is a failure at least."""
    junit.unlink(missing_ok=True)
    status = run(command, **environment)
    count = count_junit(junit) if junit.exists() else Count()
    if not count.failed and (status or count == Count()):
        count.failed += 1
    return count


def build(name: str, compiler: str, *options: str) -> bool:
    folder = BUILD / name
    if not (folder / "build.ninja").exists():
        if run(["meson", "setup", str(folder), *options], CC=compiler):
            return False
    return run(["ninja", "-C", str(folder), "--quiet"]) == 0


def meson_tests(name: str, *arguments: str, log: str = "testlog") -> Count:
    folder = BUILD / name
    command = ["meson", "test", "-C", str(folder), "--no-rebuild", "--print-errorlogs", *arguments]
    return run_counted(command, folder / "meson-logs" / f"{log}.junit.xml", **SANITIZER_ENVIRONMENT)


def pytest(build_name: str, label: str, *arguments: str) -> Count:
    junit = BUILD / f"{label}.xml"
    command = [*PYTEST, f"--junitxml={junit}", *arguments]
    return run_counted(command, junit, REGIONFIT=str(BUILD / build_name / "webhook" / "regionfit"), **SANITIZER_ENVIRONMENT)


def gcc() -> Count:
    return meson_tests("gcc", "--no-suite", "golden") if build("gcc", "gcc") else Count(failed=1)


def asan() -> Count:
    options = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1"]
    if not build("asan", "clang", *options):
        return Count(failed=1)
    count = meson_tests("asan", "--no-suite", "golden", "--timeout-multiplier", "4")
    count.add(pytest("asan", "integration-asan", "tests/integration"))
    return count


def tsan() -> Count:
    if not build("tsan", "clang", "-Db_sanitize=thread", "-Db_lundef=false", "-Doptimization=1"):
        return Count(failed=1)
    count = meson_tests("tsan", "--suite", "threads", "--timeout-multiplier", "6")
    count.add(pytest("tsan", "integration-tsan", *[f"tests/integration/test_{name}.py" for name in THREADED]))
    return count


def valgrind() -> Count:
    if not build("gcc", "gcc"):
        return Count(failed=1)
    wrapper = "valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite"
    arguments = ["--suite", "valgrind", "--wrap", wrapper, "--timeout-multiplier", "20"]
    return meson_tests("gcc", *arguments, log="testlog-valgrind")  # meson names it after the wrapper


def golden() -> Count:
    """Quantities, selectors, requests and YAML against Kubernetes' own code."""
    return meson_tests("gcc", "--suite", "golden") if build("gcc", "gcc") else Count(failed=1)


def integration() -> Count:
    return pytest("gcc", "integration", "tests/integration") if build("gcc", "gcc") else Count(failed=1)


def instructions() -> Count:
    """What a review costs, in instructions, beside what it cost before."""
    if not build("gcc", "gcc"):
        return Count(failed=1)
    command = ["/usr/bin/python3", "tests/bench/instructions.py", "build/gcc/tests/instructions", "tests/data/reviews"]
    return Count(failed=1) if run(command) else Count(passed=1)


def bench() -> Count:
    """That it still measures; no figure is looked at."""
    return pytest("gcc", "bench", "tests/bench") if build("gcc", "gcc") else Count(failed=1)


def fuzz() -> Count:
    """The kept corpus and the recorded reviews, and what comes of them in a short while, beside jansson."""
    return Count(failed=1) if run(["tests/fuzz/run", "30"]) else Count(passed=1)


def lint() -> Count:
    return Count(failed=1) if run(["tests/lint"]) else Count(passed=1)


def model() -> Count:
    """The ledger's protocol, searched exhaustively; and its mutants."""
    return pytest("gcc", "model", "tests/model")


def e2e() -> Count:
    return pytest("gcc", "e2e", "tests/e2e") if build("gcc", "gcc") else Count(failed=1)


def chart() -> Count:
    """The Helm chart, rendered by both helms, and what an API server makes of it."""
    return pytest("gcc", "chart", "tests/chart")


def node() -> Count:
    """The image and the chart on a real node; needs root. Prints what passed, too: times and sizes."""
    return pytest("gcc", "node", "-rP", "tests/node")


STAGES: list[Callable[[], Count]] = [
    gcc,
    instructions,
    lint,
    golden,
    model,
    fuzz,
    integration,
    bench,
    e2e,
    chart,
    node,
    asan,
    tsan,
    valgrind,
]


def main() -> int:
    wanted = sys.argv[1:]
    unknown = set(wanted) - {stage.__name__ for stage in STAGES}
    if unknown:
        print("no such stage:", *unknown, "- there are:", *(stage.__name__ for stage in STAGES), file=sys.stderr)
        return 2
    BUILD.mkdir(exist_ok=True)
    total = Count()
    for stage in STAGES:
        if wanted and stage.__name__ not in wanted:
            continue
        print(f"\n=== {stage.__name__}", flush=True)
        started = time.monotonic()
        count = stage()
        total.add(count)
        print(
            f"=== {stage.__name__}: {count.passed} passed, {count.failed} failed, {count.skipped} skipped"
            f" ({time.monotonic() - started:.0f} s)",
            flush=True,
        )
    print(f"\n{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
