"""./dev cluster: the program that a person plays with, and the examples that it tells him to try."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from binaries import find_binaries
from cluster import EXAMPLES, TOP
from kubectl import Kubectl
from pods import BEIJING, HANGZHOU, counts, refusals_of_replica_set, wait_for
from process import Process, wait_until

PROGRAM = Path(__file__).resolve().parent / "cluster.py"
APP = "nginx-gpu-resourcepolicy"
EXPORT = "export KUBECONFIG="


@pytest.fixture
def play(regionfit: Path, tmp_path: Path) -> Iterator[Process]:
    """Has said all it has to say."""
    find_binaries()  # on a new machine they are built first, which takes as long as it takes
    process = Process("cluster", [sys.executable, str(PROGRAM), "--regionfit", str(regionfit)], tmp_path / "output")
    try:
        process.wait_ready("it says how it ends", lambda: "Ctrl-C ends it." in process.text(), timeout=120)
        yield process
    finally:
        process.stop(timeout=60)


def children(process: Process) -> list[int]:
    pid = process.popen.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_what_it_prints_works_and_sigterm_leaves_nothing_behind(play: Process) -> None:
    lines = play.text().splitlines()
    (export,) = (line for line in lines if line.startswith(EXPORT))
    kubeconfig = Path(shlex.split(export.removeprefix(EXPORT))[0])
    example = EXAMPLES.relative_to(TOP) / "deployment.yaml"
    (command,) = (line for line in lines if line.endswith(f" apply -f {example}"))
    kubectl = Kubectl(shlex.split(command)[0], kubeconfig)

    kubectl("apply", "-f", str(TOP / example))
    assert counts(wait_for(kubectl, 5, APP)) == {BEIJING: 2, HANGZHOU: 3}
    wait_until("the sixth is refused", lambda: "0 of 3 remaining" in str(refusals_of_replica_set(kubectl)))

    started = children(play)
    assert len(started) == 4
    assert play.stop(timeout=60) == 0
    assert not kubeconfig.parent.exists()
    assert not [pid for pid in started if is_running(pid)]
