"""One thread for each CPU that the server may use: by its affinity, and by the quota of its control group."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Serve
from objects import creation, pod, pool
from server import Server

CPUS = sorted(os.sched_getaffinity(0))
PERIOD = 100_000  # microseconds
VERSION_1, VERSION_2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")

needs_two_cpus = pytest.mark.skipif(len(CPUS) < 2, reason="there is one CPU")


def threads(server: Server) -> int:
    assert server.process and server.send(creation(pod()))["allowed"]
    return len(os.listdir(f"/proc/{server.process.pid}/task"))


def start(serve: Serve, prepare: Callable[[], None]) -> int:
    return threads(serve(objects=pool(1000), prepare=prepare))


@pytest.fixture
def one_cpu_group() -> Iterator[Path]:
    """The file that takes processes into a control group with the quota of one CPU."""
    name = f"regionfit-{os.getpid()}"
    if (VERSION_1 / "cpu.cfs_quota_us").exists():
        group, limit, members = VERSION_1 / name, "cpu.cfs_quota_us", "tasks"
    else:
        group, limit, members = VERSION_2 / name, "cpu.max", "cgroup.procs"
    try:
        group.mkdir()
        (group / limit).write_text(str(PERIOD))
    except OSError as error:
        if group.exists():
            group.rmdir()
        pytest.skip(f"no control group with a quota may be made here: {error}")
    yield group / members
    for process in (group / members).read_text().split():  # the server, which ends after this
        (group.parent / members).write_text(process)
    group.rmdir()


@needs_two_cpus
def test_threads_follow_the_affinity(serve: Serve) -> None:
    one = start(serve, lambda: os.sched_setaffinity(0, CPUS[:1]))
    assert start(serve, lambda: os.sched_setaffinity(0, CPUS[:2])) == one + 1


@needs_two_cpus
def test_threads_follow_the_quota_of_the_control_group(serve: Serve, one_cpu_group: Path) -> None:
    def join() -> None:
        os.sched_setaffinity(0, CPUS[:2])
        one_cpu_group.write_text(str(os.getpid()))

    two = start(serve, lambda: os.sched_setaffinity(0, CPUS[:2]))
    assert start(serve, join) == two - 1
