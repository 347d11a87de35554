"""Programs that the tests run: those of KUBEBUILDER_ASSETS, and tools/build makes what is missing there."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

BUILD = Path(__file__).resolve().parent / "tools" / "build"


class BinariesMissingError(Exception):
    """Why there is no Kubernetes to run."""


def find_programs(*wanted: str) -> dict[str, str]:
    """The paths by name of what tools/build knows as `wanted`. The first call on a machine builds them, which takes
    minutes.
    """
    return {Path(line).name: line for line in run_build(wanted).splitlines()}


def run_build(wanted: tuple[str, ...]) -> str:
    """Its standard output. Whatever ends us ends the compilers, too: they run in a session of their own."""
    with subprocess.Popen([str(BUILD), *wanted], stdout=subprocess.PIPE, text=True, start_new_session=True) as build:
        try:
            output, _ = build.communicate()
        except BaseException:
            os.killpg(build.pid, signal.SIGTERM)
            raise
    if build.returncode:
        raise BinariesMissingError(f"tests/e2e/tools/build failed with status {build.returncode}")
    return output


def find_etcd() -> str:
    found = shutil.which("etcd", path=os.environ.get("KUBEBUILDER_ASSETS")) or shutil.which("etcd")
    if not found:
        raise BinariesMissingError("there is no etcd (Debian package etcd-server)")
    return found


def find_binaries(*wanted: str) -> dict[str, str]:
    """Those of a cluster, and what else is `wanted`."""
    etcd = find_etcd()
    return {**find_programs("cluster", *wanted), "etcd": etcd}
