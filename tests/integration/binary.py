"""Where the program under test is, and how it is run to its end."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
REGIONFIT = os.path.abspath(os.environ.get("REGIONFIT", TOP / "build" / "gcc" / "webhook" / "regionfit"))


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [REGIONFIT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
