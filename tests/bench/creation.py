"""Pods created a second with and without regionfit, every one of them counted against a pool that is never full.

The cases take turns, so that what the machine does meanwhile is shared by all; the figure of each is the median of
its rounds. What prepares and clears away is not measured.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
from pathlib import Path
from typing import Any

import wrk
from api import PODS, Api, ApiError, UnknownOutcomeError
from lean_cluster import BenchReplicas, LeanCluster
from metrics import Change, parse
from objects import BEIJING, POLICIES, QUOTAS, entries, pod, policy, quota, unit
from process import wait_until

CASES = {"no webhook": 0, "1 replica": 1, "3 replicas": 3}
CONNECTIONS = 32
WARM_UP = 1  # s
GPUS = 1_000_000_000

Figures = dict[str, float]


class Creation:
    def __init__(self, binary: Path, cluster: LeanCluster, seconds: float) -> None:
        self.cluster = cluster
        self.api = Api(cluster, timeout=120)
        self.seconds = seconds
        self.requests = wrk.write_requests(cluster.folder / "pods.requests", cluster.token, [(PODS, bench_pod())])
        kubeconfig = ["--kubeconfig", str(cluster.write_account_kubeconfig())]
        self.replicas = {
            name: BenchReplicas(binary, cluster, cluster.folder / name.replace(" ", "-"), number, *kubeconfig)
            for name, number in CASES.items()
            if number
        }

    def run(self, rounds: int) -> dict[str, Any]:
        self.api.post(QUOTAS, quota(BEIJING, GU8TF=GPUS))
        self.api.post(POLICIES, policy("bench", unit(BEIJING)))
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
            wait_until("nothing is promised any more", lambda: not entries(self.api), timeout=120)
        finally:
            replicas.stop()
        return figures

    def measure_load(self, replicas: BenchReplicas | None) -> Figures:
        wrk.send(self.cluster.url, self.requests, CONNECTIONS, WARM_UP)
        before, cpu = parse(self.cluster.metrics()), replicas.cpu_seconds() if replicas else 0
        result = wrk.send(self.cluster.url, self.requests, CONNECTIONS, self.seconds)
        used = replicas.cpu_seconds() - cpu if replicas else 0
        change = Change(before, parse(self.cluster.metrics()))
        wait_until("the pods are deleted", self.delete_pods, timeout=300)
        if result.failure:
            print(f"a pod was not created: {result.failure}", file=sys.stderr)
        return figures_of(result, change, used)

    def delete_pods(self) -> bool:
        """True once there are none. The API server may end a request that takes long, or a connection left alone."""
        with contextlib.suppress(ApiError, UnknownOutcomeError):
            self.api.delete(PODS, gracePeriodSeconds="0")
        return not self.api.get(PODS, limit="1")["items"]


def bench_pod() -> dict[str, Any]:
    """As small as a pod with a GPU can be, so that the share of regionfit is as large as it can be."""
    return pod("bench", schedulerName="none")


def figures_of(result: wrk.Result, change: Change, cpu: float) -> Figures:
    writes = change.ledger_writes()
    return {
        "rate": result.rate,
        "created": result.accepted,
        "refused": result.refused,
        "failed": result.failed,
        "p50_ms": result.p50,
        "p99_ms": result.p99,
        **change.webhook_ms(),
        **writes,
        "pods_per_write": result.accepted / writes["ledger_writes"] if writes["ledger_writes"] else 0,
        "replicas_cpu_us_per_pod": 1e6 * cpu / max(result.accepted, 1),
    }


def summarize(measured: dict[str, list[Figures]]) -> list[dict[str, Any]]:
    """Medians; but of what must not happen at all, the sum."""
    floor = statistics.median(one["rate"] for one in measured["no webhook"])
    cases = []
    for name, rounds in measured.items():
        median: dict[str, Any] = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
        median.update({key: sum(one[key] for one in rounds) for key in ("refused", "failed")})
        cases.append({"case": name, "of_no_webhook": median["rate"] / floor, **median, "rounds": rounds})
    return cases
