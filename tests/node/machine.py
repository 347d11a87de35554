"""A machine of its own for a node: namespaces in which its programs run as they would alone on a host.

Containers, shims, mounts, bridges and rules of iptables are hard to remove one by one, and easy to forget. Here the
kernel removes them: all processes are in one PID namespace and die with its first one, mounts and network devices go
with their namespaces. /run, /var/lib and /var/log of the machine are its own, so that programs use their usual paths.
Only the cgroups are the host's, as not every kernel lets them be anything else; those that were not there before are
removed.

The test itself enters the network, and nothing else: it, and what it starts from then on, has the machine's loopback
and addresses, and cannot reach the outside.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from process import LIBC, Process, wait_until

ADDRESS = "198.18.0.1"  # of the range that RFC 2544 keeps for tests, which no network uses
CGROUPS = Path("/sys/fs/cgroup")
CONTAINERS = "k8s.io"  # the cgroup in which containerd has those of its containers
CLONE_NEWNET = 0x40000000

# The first process of the machine. The shell takes in the orphans until the end.
BOOT = f"""
set -e
mount --bind "$1/lib" /var/lib
mount --bind "$1/log" /var/log
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
ip link add node0 type veth peer name node1
ip addr add {ADDRESS}/32 dev node0
ip link set node0 up
ip link set node1 up
ip route add default dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward
touch /run/booted
sleep infinity &
wait
"""


class Inhabitant(Process):
    """A program on the machine: what was started here waits for it, and does not pass signals on."""

    def stop(self, timeout: float = 20) -> int:
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            return self.kill()

    def signal(self, number: int) -> None:
        for child in children(self.popen.pid):
            os.kill(child, number)


class Machine:
    """`folder` is new; nothing of it is left after stop()."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.foreign = cgroups()
        self.process: Process | None = None

    def start(self) -> None:
        for name in ("lib", "log"):
            (self.folder / name).mkdir(parents=True)
        die_with_us = ["setpriv", "--pdeathsig=KILL"]  # unshare is deaf for anything less
        namespaces = ["unshare", "--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
        command = [*die_with_us, *namespaces, "--", "/bin/sh", "-c", BOOT, "boot", str(self.folder)]
        self.process = Process("machine", command, self.folder / "machine.log")
        self.process.wait_ready("it has booted", self.booted)

    def booted(self) -> bool:
        assert self.process
        return bool(children(self.process.popen.pid)) and not self("test", "-e", "/run/booted", check=False).returncode

    def first(self) -> int:
        """The process that all others on it descend from."""
        assert self.process
        return children(self.process.popen.pid)[0]

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a command on the machine."""
        return ["nsenter", f"--target={self.first()}", "--mount", "--net", "--pid", "--", *command]

    def run(self, name: str, command: list[str], log: Path) -> Inhabitant:
        return Inhabitant(name, self.inside(*command), log)

    def __call__(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.inside(*command), check=check, capture_output=True, text=True, timeout=120)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and the threads and processes that it starts, are in the network of the machine."""
        with open("/proc/thread-self/ns/net") as outside, open(f"/proc/{self.first()}/ns/net") as inside:
            join_network(inside.fileno())
            try:
                yield
            finally:
                join_network(outside.fileno())

    def stop(self) -> None:
        """Ends everything that runs on it."""
        if self.process:
            self.process.kill()
            self.process = None
        wait_until("its cgroups are empty and gone", self.remove_cgroups)
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove_cgroups(self) -> bool:
        """True once there are none. The kernel lets go of them a moment after the last process."""
        for root in cgroups() - self.foreign:
            for folder, _, _ in os.walk(root, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        return not cgroups() - self.foreign


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cgroups() -> set[Path]:
    """In the one hierarchy, or in those of each controller."""
    return {*CGROUPS.glob(CONTAINERS), *CGROUPS.glob(f"*/{CONTAINERS}")}


def join_network(descriptor: int) -> None:
    if LIBC.setns(descriptor, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
