"""kubectl, as a person would type it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


class KubectlError(Exception):
    """What kubectl wrote to standard error."""


class Kubectl:
    """`binary`, talking to the API server of `kubeconfig`, which may be written later."""

    def __init__(self, binary: str, kubeconfig: Path) -> None:
        self.command = [binary, "--kubeconfig", str(kubeconfig)]

    def __call__(self, *arguments: str, text: str = "") -> str:
        """Its standard output; KubectlError where it fails. `text` is its standard input."""
        result = subprocess.run(
            [*self.command, *arguments], input=text, capture_output=True, text=True, check=False, timeout=90
        )
        if result.returncode:
            raise KubectlError(result.stderr.strip())
        return result.stdout

    def read(self, *arguments: str, text: str = "") -> Any:
        """Its answer as a JSON value."""
        return json.loads(self(*arguments, "-o", "json", text=text))
