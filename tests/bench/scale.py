"""One replica among thousands of policies and pods: how long it takes until it is ready, the memory that it keeps, and
how long a decision takes; and `regionfit status`, which reads the same.

The pods are in the API server before the replica starts, as when one is replaced. What it can do no faster than is
how fast the API server gives out the list of pods, which is measured beside it.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import crowded
import wrk
from api import Api
from lean_cluster import LeanCluster, create_service_account
from objects import BEIJING, QUOTAS, quota
from process import wait_until
from procfs import resident
from replicas import Replica, Replicas

CONNECTIONS = 32
REVIEWS = 2000
IDLE = 5  # s
STATUS_ROUNDS = 5
PAGE = "500"  # as many pods as the replica asks for at once
GPUS = 1_000_000_000

Figures = dict[str, float]


class Scale:
    def __init__(self, binary: Path, cluster: LeanCluster, policies: int, pods: int) -> None:
        self.binary = binary
        self.cluster = cluster
        self.api = Api(cluster, timeout=120)
        self.policies = policies
        self.pods = pods
        folder = cluster.folder / "replica"
        folder.mkdir()
        options = ["--kubeconfig", str(cluster.write_account_kubeconfig()), "--log-level", "debug"]
        (self.replica,) = Replicas(binary, cluster, folder, 1, *options).all

    def run(self) -> dict[str, Any]:
        self.api.post(QUOTAS, quota(BEIJING, **{crowded.GPU_SERIES: GPUS}))
        starts = {"nothing": self.measure_start()}
        self.create_policies()
        starts[f"{self.policies} policies"] = self.measure_start()
        self.create_pods()
        listed = self.list_pods()
        try:
            starts[f"and {self.pods} pods"] = self.start()
            decisions = {
                "dry run": self.decide("dry-run", crowded.reviews(True, crowded.DEPLOYMENTS)),
                "promised": self.decide("promised", crowded.reviews(False, 1)),
            }
            status = self.measure_status()
        finally:
            self.replica.stop()
        return {
            "policies": self.policies,
            "pods": self.pods,
            "starts": starts,
            "bytes_per_pod": bytes_per_pod(list(starts.values()), self.pods),
            "list_seconds": listed,
            "decisions": decisions,
            "status": status,
        }

    def create_policies(self) -> None:
        for namespace in crowded.namespaces():
            self.api.post("/api/v1/namespaces", namespace)
            create_service_account(self.api, namespace["metadata"]["name"])
        path = self.cluster.folder / "policies.requests"
        self.create(wrk.write_requests(path, self.cluster.token, crowded.policies(self.policies)), self.policies)

    def create_pods(self) -> None:
        path = self.cluster.folder / "pods.requests"
        self.create(wrk.write_requests(path, self.cluster.token, crowded.placed_pods()), self.pods)

    def create(self, requests: Path, number: int) -> None:
        """No webhook is asked."""
        result = wrk.send(self.cluster.url, requests, CONNECTIONS, number=number)
        if result.accepted != number:
            raise wrk.LoadError(f"{result.accepted} of {number} objects were created: {result.failure}")
        print(f"{number} objects created in {result.seconds:.0f} s", file=sys.stderr)

    def measure_start(self) -> Figures:
        try:
            return self.start()
        finally:
            self.replica.stop()

    def start(self) -> Figures:
        """Leaves it running."""
        started = time.monotonic()
        self.replica.start()
        assert self.replica.process
        pid = self.replica.process.popen.pid
        wait_until("the replica is ready", self.replica.ready, timeout=600, pause=0.01)
        ready = time.monotonic() - started
        at_ready = resident(pid)
        time.sleep(IDLE)
        idle = resident(pid)
        return {
            "ready_seconds": ready,
            "ready_bytes": at_ready["VmRSS"],
            "idle_bytes": idle["VmRSS"],
            "peak_bytes": idle["VmHWM"],
        }

    def list_pods(self) -> float:
        """Seconds that the API server needs for all pages of the list, with nobody who reads what is in them."""
        started = time.monotonic()
        following = ""
        while True:
            page = self.api.get("/api/v1/pods", limit=PAGE, **({"continue": following} if following else {}))
            following = page["metadata"].get("continue", "")
            if not following:
                return time.monotonic() - started

    def decide(self, name: str, reviews: Iterator[tuple[str, Any]]) -> Figures:
        """What the replica's log says of each decision, and what came of it at the other end of the connection. The
        pods never appear, so what is promised to them stays in the ledger: for one Deployment, which is little."""
        requests = wrk.write_requests(self.cluster.folder / f"{name}.requests", "", reviews)
        known = self.replica.log.stat().st_size
        url = f"https://127.0.0.1:{self.replica.port}"
        result = wrk.send(url, requests, CONNECTIONS, number=REVIEWS)
        if result.failure:
            print(f"{name}: {result.failure}", file=sys.stderr)
        answers = {"answers_per_second": result.rate, "p50_ms": result.p50, "p99_ms": result.p99}
        return {**answers, **decided(self.replica, known)}

    def measure_status(self) -> Figures:
        """As an administrator."""
        command = [str(self.binary), "status", "--kubeconfig", str(self.cluster.kubeconfig)]
        runs = [run_measured(command) for _ in range(STATUS_ROUNDS)]
        return {key: statistics.median(one[key] for one in runs) for key in runs[0]}


def decided(replica: Replica, offset: int) -> Figures:
    """Of the decisions in the log from there on."""
    with replica.log.open("rb") as log:
        log.seek(offset)
        text = log.read().decode(errors="replace")
    times = [int(us) for us in re.findall(r"msg=decision .*\bus=(\d+)", text)]
    placed = len(re.findall(r"msg=decision .*outcome=placed", text))
    centiles = statistics.quantiles(times, n=100)
    return {"decisions": len(times), "placed": placed, "us_p50": centiles[49], "us_p99": centiles[98]}


def run_measured(command: list[str]) -> Figures:
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return {"seconds": time.monotonic() - started, "peak_bytes": 1024 * usage.ru_maxrss}


def bytes_per_pod(starts: list[Figures], pods: int) -> float:
    """What the pods add to the memory that is kept."""
    return (starts[2]["idle_bytes"] - starts[1]["idle_bytes"]) / pods if pods else 0
