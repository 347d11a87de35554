#!/usr/bin/python3
"""Measures regionfit in a real cluster (etcd, kube-apiserver): pods created a second with and without it, and what
thousands of policies and pods cost a replica. It reports; no figure is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "e2e"))

import report
from binaries import BinariesMissingError, find_binaries
from creation import Creation
from interruption import await_interruption
from kubectl import KubectlError
from lean_cluster import LeanCluster
from process import NotReadyError
from scale import Scale
from wrk import LoadError

Result = dict[str, Any]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What regionfit costs in a real cluster.")
    parser.add_argument("--regionfit", type=Path, required=True, help="the program to measure")
    parser.add_argument("--rounds", type=int, default=5, help="of creating pods; 0: none (default 5)")
    parser.add_argument("--seconds", type=float, default=8, help="of each round (default 8)")
    parser.add_argument("--policies", type=int, default=10_000, help="that a replica starts among (default 10000)")
    parser.add_argument("--pods", type=int, default=100_000, help="that a replica starts among; 0: none (default 100000)")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    return parser.parse_args()


def measure_creation(options: argparse.Namespace, cluster: LeanCluster) -> Result:
    return Creation(options.regionfit, cluster, options.seconds).run(options.rounds)


def measure_scale(options: argparse.Namespace, cluster: LeanCluster) -> Result:
    return Scale(options.regionfit, cluster, options.policies, options.pods).run()


def in_cluster(measure: Any, options: argparse.Namespace, binaries: dict[str, str]) -> Result:
    """In a new cluster, of which nothing is left."""
    with tempfile.TemporaryDirectory(prefix="regionfit-bench.") as name:
        cluster = LeanCluster(Path(name), binaries)
        try:
            cluster.start()
            return measure(options, cluster)
        finally:
            cluster.stop()


def run(options: argparse.Namespace) -> None:
    binaries = find_binaries("helm")
    results: Result = {"cpus": os.cpu_count(), "load_before": os.getloadavg()[0]}
    if options.rounds:
        results["creation"] = in_cluster(measure_creation, options, binaries)
        print(report.creation(results["creation"]), flush=True)
    if options.pods:
        results["scale"] = in_cluster(measure_scale, options, binaries)
        print(f"\n{report.scale(results['scale'])}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


def main() -> int:
    options = parse_options()
    options.regionfit = options.regionfit.resolve()
    await_interruption()
    try:
        run(options)
    except KeyboardInterrupt:
        return 130
    except (BinariesMissingError, KubectlError, LoadError, NotReadyError, OSError, CalledProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
