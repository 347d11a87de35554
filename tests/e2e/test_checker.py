"""The checker itself: it must find what it is there for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from api import Api
from checker import Checker, replay
from crowd import Crowd
from etcd_history import PODS, QUOTAS, Change
from live_cluster import LiveCluster
from objects import BEIJING, HANGZHOU, pod, policy, quota, unit
from objects import QUOTAS as QUOTAS_PATH
from replicas import Replicas
from stored_pod import GPU, MAGIC, REGION, SERIES


def message(*fields: tuple[int, bytes | str]) -> bytes:
    """In the encoding of Protocol Buffers; every field here is of wire type 2 and shorter than 16384 bytes."""
    encoded = b""
    for number, value in fields:
        data = value.encode() if isinstance(value, str) else value
        for byte in (number << 3 | 2, len(data)):
            encoded += bytes([byte]) if byte < 128 else bytes([byte & 127 | 128, byte >> 7])
        encoded += data
    return encoded


def stored(name: str, region: str, series: str, gpus: int, phase: str = "Pending") -> bytes:
    labels = [(11, message((1, key), (2, value))) for key, value in ((REGION, region), (SERIES, series)) if value]
    requests = message((2, message((1, GPU), (2, message((1, str(gpus)))))))
    container = message((1, "server"), (8, requests))
    metadata = message((1, name), (3, "default"), *labels)
    unknown = message(
        (1, message((1, "v1"), (2, "Pod"))),
        (2, message((1, metadata), (2, message((2, container))), (3, message((1, phase))))),
    )
    return MAGIC + unknown


def pod_change(
    revision: int, name: str, gpus: int, region: str = BEIJING, series: str = "A", phase: str = "Pending"
) -> Change:
    return Change(revision, PODS + name.encode(), stored(name, region, series, gpus, phase))


def gone(revision: int, name: str) -> Change:
    return Change(revision, PODS + name.encode(), None)


def quota_change(revision: int, limits: dict[str, int], shown: dict[str, int] | None = None) -> Change:
    quota = {
        "metadata": {"name": BEIJING},
        "spec": {"pools": [{"gpuModelSeries": series, "gpus": gpus} for series, gpus in limits.items()]},
        "status": {"pools": [{"gpuModelSeries": series, "limit": gpus} for series, gpus in (shown or {}).items()]},
    }
    return Change(revision, QUOTAS + BEIJING.encode(), json.dumps(quota).encode())


HISTORIES = {
    "a pool that is filled to its limit": ([quota_change(1, {"A": 3}), pod_change(2, "one", 3)], []),
    "one GPU too many": ([quota_change(1, {"A": 3}), pod_change(2, "one", 3), pod_change(3, "two", 1)], [3]),
    "too many for a moment": (
        [quota_change(1, {"A": 1}), pod_change(2, "one", 1), pod_change(3, "two", 1), gone(4, "one")],
        [3],
    ),
    "a pod after another one has gone": (
        [quota_change(1, {"A": 1}), pod_change(2, "one", 1), gone(3, "one"), pod_change(4, "two", 1)],
        [],
    ),
    "a pod after another one has finished": (
        [
            quota_change(1, {"A": 1}),
            pod_change(2, "one", 1),
            pod_change(3, "one", 1, phase="Failed"),
            pod_change(4, "two", 1),
        ],
        [],
    ),
    "a pod that changes and holds what it held": (
        [quota_change(1, {"A": 1}), pod_change(2, "one", 1), pod_change(3, "one", 1, phase="Running")],
        [],
    ),
    "another region": ([quota_change(1, {"A": 1}), pod_change(2, "one", 9, region=HANGZHOU)], []),
    "a series that the quota does not list": ([quota_change(1, {"A": 1}), pod_change(2, "one", 9, series="B")], []),
    "all others together": (
        [quota_change(1, {"A": 1, "*": 2}), pod_change(2, "one", 1, series="B"), pod_change(3, "two", 2, series="C")],
        [3],
    ),
    "a pod that names no series": ([quota_change(1, {"*": 1}), pod_change(2, "one", 2, series="")], [2]),
    "a limit that is lowered below what is held": (
        [quota_change(1, {"A": 3}), pod_change(2, "one", 3), quota_change(3, {"A": 1})],
        [],
    ),
    "an addition to what is above the limit": (
        [quota_change(1, {"A": 3}), pod_change(2, "one", 2), quota_change(3, {"A": 1}), pod_change(4, "two", 1)],
        [4],
    ),
    "a lowered limit that the status does not show yet": (
        [quota_change(1, {"A": 3}, {"A": 3}), quota_change(2, {"A": 1}, {"A": 3}), pod_change(3, "one", 3)],
        [],
    ),
    "a lowered limit that the status shows": (
        [quota_change(1, {"A": 3}, {"A": 3}), quota_change(2, {"A": 1}, {"A": 1}), pod_change(3, "one", 3)],
        [3],
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history(name: str) -> None:
    history, expected = HISTORIES[name]

    assert [one.revision for one in replay([], history).violations] == expected


def test_a_violation_names_the_revision_the_pool_and_its_pods() -> None:
    history = [quota_change(1, {"A": 1}), pod_change(2, "one", 1), pod_change(7, "two", 1)]

    (violation,) = replay([], history).violations
    assert str(violation) == "revision 7: cn-beijing/A holds 2 of 1 GPUs: default/one, default/two"


def test_a_pod_is_read_as_etcd_has_it(live: LiveCluster, api: Api) -> None:
    with Checker(live.etcd_port) as checker:
        api.post("/api/v1/namespaces/default/pods", pod("read", "read", 3, {REGION: "cn-elsewhere", SERIES: "GU8TF"}))
        state = checker.replay()

    (found,) = (one for one in state.pods.values() if one.name == "default/read")
    assert (found.region, found.series, found.gpus, found.live()) == ("cn-elsewhere", "GU8TF", 3, True)


def test_replicas_that_share_nothing_are_found_out(
    live: LiveCluster, api: Api, regionfit: Path, tmp_path: Path
) -> None:
    """Each gives out the whole pool."""
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    limit = quota(BEIJING, GU8TF=5)
    documents = [limit, policy("burst", unit(BEIJING))]
    (manifests / "all.yaml").write_text(yaml.safe_dump_all(documents))
    api.post(QUOTAS_PATH, limit)
    replicas = Replicas(regionfit, live, tmp_path, 3, "--manifests", str(manifests))

    with Checker(live.etcd_port) as checker:
        replicas.start()
        try:
            Crowd(api, clients=16).create(pod("burst", f"burst-{i}") for i in range(40))
        finally:
            replicas.stop()
        violations = checker.replay().violations

    assert violations
    assert violations[0].gpus == 6
    assert "default/burst-" in str(violations[0])
