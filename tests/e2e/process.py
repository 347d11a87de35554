"""A program that a test runs beside itself: its log is kept, and it ends when the test does.

Only processes that were started here are ever ended, by their own handle. The kernel ends them, too, where the
test itself is killed (PR_SET_PDEATHSIG), so that no run leaves servers behind.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

T = TypeVar("T")


class NotReadyError(Exception):
    """Something did not come up, or did not come to pass, in time."""


def wait_until(what: str, condition: Callable[[], T], timeout: float = 30, pause: float = 0.1) -> T:
    """Calls `condition` until its result is true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise NotReadyError(f"waited {timeout:.0f} s in vain for: {what}; last seen: {result!r}")
        time.sleep(pause)


def end_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """A running program; `log` takes its standard output and error, after what an earlier one has left there."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name = name
        self.log = log
        self.started_at = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us; we end the others in order
                preexec_fn=end_with_parent,
            )

    def text(self) -> str:
        """What it has written so far."""
        return self.log.read_bytes()[self.started_at :].decode(errors="replace")

    def failure(self, what: str) -> NotReadyError:
        tail = "\n".join(self.text().splitlines()[-15:])
        return NotReadyError(f"{self.name}: {what}; the end of {self.log}:\n{tail}")

    def wait_ready(self, what: str, condition: Callable[[], T], timeout: float = 60) -> T:
        def check() -> T:
            if self.popen.poll() is not None:
                raise self.failure(f"ended with status {self.popen.returncode} before {what}")
            return condition()

        try:
            return wait_until(what, check, timeout)
        except NotReadyError as error:
            if self.popen.poll() is not None:
                raise
            raise self.failure(f"not ready after {timeout:.0f} s ({what})") from error

    def stop(self, timeout: float = 20) -> int:
        """SIGTERM, then SIGKILL for what does not listen. Returns the exit status."""
        self.popen.terminate()
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self.popen.kill()
        return self.popen.wait()
