"""Pods created a second with and without regionfit, every one of them counted against a pool that is never full.

No webhook is the floor. What the API server itself needs to ask any webhook that changes pods shows where regionfit
serves from files, and counts in memory: nothing is written for a pod there.

The cases take turns, so that what the machine does meanwhile is shared by all; the figure of each is the median of
its rounds. What prepares and clears away is not measured.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from pathlib import Path
from typing import Any

import yaml

import wrk
from api import PODS, Api, ApiError, UnknownOutcomeError
from lean_cluster import BenchReplicas, LeanCluster
from metrics import Change, parse
from objects import BEIJING, POLICIES, QUOTAS, entries, pod, policy, quota, unit
from process import wait_until
from procfs import cpu_seconds

FLOOR, FILES = "no webhook", "1 with files"
CASES = {FLOOR: 0, FILES: 1, "1 replica": 1, "3 replicas": 3}
CONNECTIONS = 32
WARM_UP = 1  # s
QUOTA, POLICY = quota(BEIJING, GU8TF=1_000_000_000), policy("bench", unit(BEIJING))

Figures = dict[str, Any]


class Creation:
    def __init__(self, binary: Path, cluster: LeanCluster, seconds: float) -> None:
        self.cluster = cluster
        self.api = Api(cluster, timeout=120)
        self.seconds = seconds
        self.requests = wrk.write_requests(cluster.folder / "pods.requests", cluster.token, [(PODS, bench_pod())])
        in_cluster = ["--kubeconfig", str(cluster.write_account_kubeconfig())]
        with_files = ["--manifests", str(write_manifests(cluster.folder / "manifests"))]
        self.replicas = {
            name: BenchReplicas(
                binary,
                cluster,
                cluster.folder / name.replace(" ", "-"),
                number,
                *(with_files if name == FILES else in_cluster),
            )
            for name, number in CASES.items()
            if number
        }

    def run(self, rounds: int) -> dict[str, Any]:
        self.api.post(QUOTAS, QUOTA)
        self.api.post(POLICIES, POLICY)
        measured: dict[str, list[Figures]] = {name: [] for name in CASES}
        for i in range(rounds):
            for name in CASES:
                figures = self.measure(name)
                measured[name].append(figures)
                print(f"round {i + 1} of {rounds}, {name}: {figures['rate']:.0f} pods/s", file=sys.stderr)
        return {"connections": CONNECTIONS, "seconds": self.seconds, "cases": summarize(measured)}

    def measure(self, name: str) -> Figures:
        replicas = self.replicas.get(name)
        if not replicas:
            return self.measure_load(None)
        try:
            replicas.start()
            figures = self.measure_load(replicas)
            if name != FILES:
                wait_until("nothing is promised any more", lambda: not entries(self.api), timeout=120)
        finally:
            replicas.stop()
        return figures

    def measure_load(self, replicas: BenchReplicas | None) -> Figures:
        wrk.send(self.cluster.url, self.requests, CONNECTIONS, WARM_UP)
        before, cpu = parse(self.cluster.metrics()), self.cpu_seconds(replicas)
        result = wrk.send(self.cluster.url, self.requests, CONNECTIONS, self.seconds)
        used = {name: seconds - cpu[name] for name, seconds in self.cpu_seconds(replicas).items()}
        change = Change(before, parse(self.cluster.metrics()))
        wait_until("the pods are deleted", self.delete_pods, timeout=300)
        if result.failure:
            print(f"a pod was not created: {result.failure}", file=sys.stderr)
        return figures_of(result, change, used)

    def cpu_seconds(self, replicas: BenchReplicas | None) -> Figures:
        """What the programs have used since their start."""
        used = {process.name: cpu_seconds(process.popen.pid) for process in self.cluster.processes}
        return {**used, "replicas": replicas.cpu_seconds() if replicas else 0}

    def delete_pods(self) -> bool:
        """True once there are none. The API server may end a request that takes long, or a connection left alone."""
        with contextlib.suppress(ApiError, UnknownOutcomeError):
            self.api.delete(PODS, gracePeriodSeconds="0")
        return not self.api.get(PODS, limit="1")["items"]


def bench_pod() -> dict[str, Any]:
    """As small as a pod with a GPU can be, so that the share of regionfit is as large as it can be."""
    return pod("bench", schedulerName="none")


def write_manifests(folder: Path) -> Path:
    folder.mkdir()
    (folder / "bench.yaml").write_text(yaml.safe_dump_all([QUOTA, POLICY]))
    return folder


def figures_of(result: wrk.Result, change: Change, cpu: Figures) -> Figures:
    writes = change.ledger_writes()
    if writes:
        writes["pods_per_write"] = result.accepted / max(writes["ledger_writes"], 1)
    return {
        "rate": result.rate,
        "created": result.accepted,
        "refused": result.refused,
        "failed": result.failed,
        "p50_ms": result.p50,
        "p99_ms": result.p99,
        **change.webhook_ms(),
        **writes,
        "cpu_us_per_pod": {name: 1e6 * seconds / max(result.accepted, 1) for name, seconds in cpu.items()},
    }


def medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each figure, those within others included."""
    columns = {key: [one[key] for one in rounds] for key in rounds[0]}
    return {
        key: medians(column) if isinstance(column[0], dict) else statistics.median(column)
        for key, column in columns.items()
    }


def summarize(measured: dict[str, list[Figures]]) -> list[dict[str, Any]]:
    """Medians; but of what must not happen at all, the sum."""
    floor = statistics.median(one["rate"] for one in measured[FLOOR])
    cases = []
    for name, rounds in measured.items():
        median = medians(rounds)
        median.update({key: sum(one[key] for one in rounds) for key in ("refused", "failed")})
        cases.append({"case": name, "of_no_webhook": median["rate"] / floor, **median, "rounds": rounds})
    return cases
