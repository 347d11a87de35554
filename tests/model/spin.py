"""Runs Spin: a model with its bounds becomes a verifier, which searches until it ends or finds an error."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).resolve().parent / "ledger.pml"
SAFETY = ["-DSAFETY", "-DNOREDUCE", "-DNOCOMP"]  # the steps of a replica concern all others: nothing to reduce
SHORTEST = [*SAFETY, "-DREACH", "-O0"]
CYCLES = ["-DNP", "-DNOREDUCE", "-DNOFAIR"]
MEGABYTES = 2000


@dataclass
class Search:
    output: str
    folder: Path
    bounds: list[str]

    @property
    def complete(self) -> bool:
        """Nothing was left out, and nothing was found."""
        cut = ["max search depth too small", "out of memory", "-DMEMLIM bound", "Interrupted", "errors: "]
        return not any(word in self.output.replace("errors: 0\n", "") for word in cut) and "errors: 0\n" in self.output

    @property
    def violated(self) -> str:
        """The assertion that failed; "" where none did."""
        found = re.findall(r"assertion violated \(?(.*?)\)? \(at depth", self.output)
        return found[-1] if found else ""

    @property
    def states(self) -> int:
        return int(re.findall(r"(\d+) states, stored", self.output)[-1])

    @property
    def unreached(self) -> set[str]:
        """Steps that never happened, by file and line."""
        return set(re.findall(r'(\w+\.pml:\d+), state \d+, "(?!-end-)', self.output))

    def story(self) -> list[str]:
        """What happens on the way to the error, a line for each step."""
        command = ["spin", *self.bounds, "-T", "-t", "-k", f"{MODEL.name}.trail", str(MODEL)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60)
        return done.stdout.split("\nspin: ")[0].splitlines()


def search(folder: Path, bounds: list[str], compiled: list[str], *arguments: str) -> Search:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["spin", *bounds, "-a", str(MODEL)], cwd=folder, check=True, timeout=60)
    compiler = ["gcc", "-O1", "-w", *compiled, f"-DMEMLIM={MEGABYTES}", "-o", "pan", "pan.c"]
    subprocess.run(compiler, cwd=folder, check=True, timeout=120)
    done = subprocess.run(["./pan", *arguments], cwd=folder, capture_output=True, text=True, timeout=900)
    (folder / "output").write_text(done.stdout + done.stderr)
    return Search(done.stdout + done.stderr, folder, bounds)
