"""Was a pool ever above its limit? Replays what etcd has stored, with no help of regionfit's.

At every revision, for every pool: the GPUs of the pods that carry the region's label and are neither Succeeded nor
Failed, against the limit. A pool may be above a limit that was lowered; then nothing may be added. The old limit holds
until the quota's status shows the new one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from etcd_history import PODS, QUOTAS, Change, History
from stored_pod import StoredPod, read_pod

OTHERS = "*"
Pool = tuple[str, str]  # region, series


@dataclass(frozen=True)
class Violation:
    revision: int
    pool: Pool
    gpus: int
    limit: int
    pods: list[str]

    def __str__(self) -> str:
        names = ", ".join(self.pods)
        return f"revision {self.revision}: {'/'.join(self.pool)} holds {self.gpus} of {self.limit} GPUs: {names}"


class Replay:
    """The state at one revision, and the violations so far."""

    def __init__(self) -> None:
        self.pods: dict[bytes, StoredPod] = {}
        self.quotas: dict[bytes, dict[Pool, int]] = {}
        self.limits: dict[Pool, int] = {}
        self.held: dict[Pool, int] = defaultdict(int)
        self.highest: dict[Pool, int] = defaultdict(int)
        self.violations: list[Violation] = []
        self.revisions = 0

    def apply(self, change: Change) -> None:
        self.revisions += 1
        if change.key.startswith(PODS):
            self.apply_pod(change)
        elif change.key.startswith(QUOTAS):
            self.apply_quota(change)

    def apply_pod(self, change: Change) -> None:
        old = self.pods.pop(change.key, None)
        if old:
            self.held[self.pool_of(old)] -= old.gpus
        if change.value is None:
            return
        pod = read_pod(change.value)
        if not pod.region or not pod.live():
            return
        self.pods[change.key] = pod
        pool = self.pool_of(pod)
        self.held[pool] += pod.gpus
        self.highest[pool] = max(self.highest[pool], self.held[pool])
        grown = pod.gpus - (old.gpus if old and self.pool_of(old) == pool else 0)
        if grown > 0 and pool in self.limits and self.held[pool] > self.limits[pool]:
            self.violations.append(self.violation(change.revision, pool))

    def apply_quota(self, change: Change) -> None:
        """Which pool a pod is in depends on what the quotas list, so that all are counted anew."""
        self.quotas.pop(change.key, None)
        if change.value is not None:
            self.quotas[change.key] = read_limits(json.loads(change.value))
        self.limits = {}
        for limits in self.quotas.values():
            for pool, limit in limits.items():
                self.limits[pool] = min(limit, self.limits.get(pool, limit))
        self.held = defaultdict(int)
        for pod in self.pods.values():
            self.held[self.pool_of(pod)] += pod.gpus

    def pool_of(self, pod: StoredPod) -> Pool:
        pool = (pod.region, pod.series or OTHERS)
        return pool if pool in self.limits else (pod.region, OTHERS)

    def violation(self, revision: int, pool: Pool) -> Violation:
        pods = sorted(pod.name for pod in self.pods.values() if self.pool_of(pod) == pool)
        return Violation(revision, pool, self.held[pool], self.limits[pool], pods)


def read_limits(quota: dict) -> dict[Pool, int]:
    region = quota["spec"].get("region") or quota["metadata"]["name"]
    limits = {(region, pool["gpuModelSeries"]): pool["gpus"] for pool in quota["spec"]["pools"]}
    for pool in quota.get("status", {}).get("pools", []):
        key = (region, pool["gpuModelSeries"])
        if key in limits:
            limits[key] = max(limits[key], pool["limit"])
    return limits


def replay(first: Iterable[Change], changes: Iterable[Change]) -> Replay:
    """From what was stored at the start, whose order says nothing."""
    state = Replay()
    for change in first:
        state.apply(change)
    state.violations.clear()
    state.revisions = 0
    for change in changes:
        state.apply(change)
    return state


class Checker:
    """Follows etcd from the moment of start()."""

    def __init__(self, etcd_port: int) -> None:
        self.history = History(etcd_port)

    def __enter__(self) -> Checker:
        self.history.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.history.stop()

    def replay(self) -> Replay:
        """All that has happened until now."""
        self.history.catch_up()
        return replay(self.history.first, self.history.changes)

    def verify(self) -> Replay:
        """Fails where a pool was above its limit at any revision."""
        state = self.replay()
        assert state.revisions, "nothing was seen"
        assert not state.violations, "\n".join(str(one) for one in state.violations[:5])
        return state
