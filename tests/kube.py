"""A part of webhook/kube that runs by itself (tests/kube.c), and what it has said."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
REGIONFIT = Path(os.environ.get("REGIONFIT") or TOP / "build" / "gcc" / "webhook" / "regionfit").resolve()
KUBE = REGIONFIT.parent.parent / "tests" / "kube"


class Kube:
    """Ends, in order, when close() is called; its lines go to a file."""

    def __init__(self, folder: Path, kubeconfig: Path, *arguments: str, name: str = "kube") -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("w") as log:
            command = [str(KUBE), str(kubeconfig), *arguments]
            self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)

    def lines(self, *kinds: str) -> list[str]:
        """What it said; only lines that begin with one of the words, if there are any."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if not kinds or line.split()[0] in kinds]

    def wait_line(self, line: str, after: int = 0, timeout: float = 20) -> int:
        """Where the line is among lines(), at `after` or behind."""
        end = time.monotonic() + timeout
        while line not in self.lines()[after:]:
            assert time.monotonic() < end, f"no {line!r} in: {self.lines()}"
            time.sleep(0.02)
        return self.lines().index(line, after)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def close(self) -> float:
        """Returns how many seconds it took to end."""
        begun = time.monotonic()
        self.popen.stdin.close()
        assert self.popen.wait(20) == 0, self.lines()
        assert self.lines()[-1] == "ended"
        return time.monotonic() - begun
