"""What processes have used, by proc(5)."""

from __future__ import annotations

import os
import re
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads since it began (fields 14 and 15 of its stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy_seconds() -> float:
    """What all programs on the machine have used since it began (of stat: user, nice, system, irq, softirq)."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return sum(int(fields[i]) for i in (0, 1, 2, 5, 6)) / TICKS


def forget_peak(pid: int) -> None:
    """VmHWM begins anew with what is resident now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def resident(pid: int) -> dict[str, int]:
    """Bytes (status: VmRSS, now, and VmHWM, at most; in kB there)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return {key: 1024 * int(number) for key, number in re.findall(r"^(VmRSS|VmHWM):\s+(\d+) kB", text, re.MULTILINE)}
