"""The definitions of the objects of others that the chart makes: cert-manager's, and the Prometheus operator's.

They come from the sources of their authors, as Go modules, whose checksums are kept here.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIND_GO = HERE.parent / "e2e" / "tools" / "find-go"
DEFINITIONS = {
    "github.com/cert-manager/cert-manager": [
        "deploy/crds/cert-manager.io_certificates.yaml",
        "deploy/crds/cert-manager.io_issuers.yaml",
    ],
    "github.com/prometheus-operator/prometheus-operator": [
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ],
}


def download(module: str) -> Path:
    """Where its sources are."""
    go = subprocess.run([str(FIND_GO)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    answer = subprocess.run(
        [go, "mod", "download", "-json", module],
        cwd=HERE / "definitions",
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Path(json.loads(answer.stdout)["Dir"])


def find_definitions() -> list[Path]:
    return [download(module) / path for module, paths in DEFINITIONS.items() for path in paths]
