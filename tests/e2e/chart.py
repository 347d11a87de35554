"""The chart, as helm renders it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent.parent.parent / "charts" / "regionfit"
RELEASE = NAMESPACE = "regionfit"

Object = dict[str, Any]


class HelmError(Exception):
    """What helm wrote to standard error."""


def run_helm(helm: str, *arguments: str, values: Any = None, timeout: float = 60) -> str:
    """Its standard output; HelmError where it fails. `values` are further ones than the chart's."""
    given = ["--values", "-"] if values is not None else []
    text = yaml.safe_dump(values) if values is not None else None
    result = subprocess.run(
        [helm, *arguments, *given], input=text, capture_output=True, text=True, check=False, timeout=timeout
    )
    if result.returncode:
        raise HelmError(result.stderr.strip())
    return result.stdout


def template(helm: str, *options: str, values: Any = None) -> str:
    return run_helm(helm, "template", RELEASE, str(CHART), "--namespace", NAMESPACE, *options, values=values)


def render(helm: str, *options: str, values: Any = None) -> list[Object]:
    """The objects of the release, in the order in which helm creates them."""
    return [one for one in yaml.safe_load_all(template(helm, *options, values=values)) if one]
