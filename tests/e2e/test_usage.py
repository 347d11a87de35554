"""What a pool has left: what was promised in vain comes back in time, and what has ended comes back at once."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from api import PODS, Api, ApiError
from checker import Checker
from crowd import Crowd
from live_cluster import LiveCluster
from objects import BEIJING, LEDGER, POLICIES, QUOTAS, entries, pod, pods_of, policy, quota, region_of, static_pod, unit
from process import wait_until
from replicas import Replicas

pytestmark = pytest.mark.usefixtures("checked", "replicas")
APP = "inference"
LIMIT = 6
TIME_TO_LIVE = 10  # of the promises, in seconds: see conftest.py
RESOURCE_QUOTAS = "/api/v1/namespaces/default/resourcequotas"


@pytest.fixture
def checked(live: LiveCluster, api: Api) -> Iterator[None]:
    """One pool, one policy for it; it was never above its limit."""
    api.post(QUOTAS, quota(BEIJING, GU8TF=LIMIT))
    api.post(POLICIES, policy(APP, unit(BEIJING)))
    with Checker(live.etcd_port) as checker:
        yield
        checker.verify()


@pytest.fixture(autouse=True)
def in_force(api: Api, replicas: Replicas, checked: None) -> None:
    wait_until("policy and quota are in force", lambda: remaining(api) == LIMIT)


def remaining(api: Api) -> int:
    """As a pod is told that asks for too much: by the replica that it happens to ask."""
    status, answer = api.send("POST", f"{PODS}?dryRun=All", pod(APP, gpus=1000))
    if status != 403 or "1000 GPUs wanted, " not in answer["message"]:
        return -1
    return int(answer["message"].split("1000 GPUs wanted, ")[1].split(" of ")[0])


def fill(api: Api) -> list[str]:
    """The names of the pods that hold all there is."""
    return [api.post(PODS, pod(APP))["metadata"]["name"] for _ in range(LIMIT)]


def is_placed(api: Api) -> bool:
    status, answer = api.send("POST", PODS, pod(APP))
    assert status in (201, 403), answer
    return status == 201


def seconds_until_placed(api: Api) -> float:
    started = time.monotonic()
    wait_until("there is room", lambda: is_placed(api), timeout=20, pause=0.02)
    return time.monotonic() - started


def set_phase(api: Api, name: str, phase: str) -> None:
    api.merge(f"{PODS}/{name}/status", {"status": {"phase": phase}})


ENDS = {
    "deleted": lambda api, name: api.delete(f"{PODS}/{name}"),
    "deleted by force": lambda api, name: api.delete(f"{PODS}/{name}", gracePeriodSeconds="0"),
    "finished": lambda api, name: set_phase(api, name, "Succeeded"),
    "failed": lambda api, name: set_phase(api, name, "Failed"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_pod_that_has_ended_gives_back_within_a_second(api: Api, end: str) -> None:
    names = fill(api)
    assert not is_placed(api)
    wait_until("it runs", lambda: api.get(f"{PODS}/{names[0]}")["status"]["phase"] == "Running")

    ENDS[end](api, names[0])

    assert seconds_until_placed(api) < 1
    assert not is_placed(api), "it gives back once"


def test_a_pod_that_another_one_has_placed_gives_back_as_well(api: Api) -> None:
    api.post(PODS, static_pod(BEIJING, name="static", gpus=LIMIT))
    wait_until("it counts", lambda: remaining(api) == 0)

    api.delete(f"{PODS}/static", gracePeriodSeconds="0")

    assert seconds_until_placed(api) < 1


def test_a_terminating_pod_holds_its_gpus_until_it_is_gone(api: Api) -> None:
    held = pod(APP, "held", gpus=LIMIT)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    api.post(PODS, held)
    wait_until("it runs", lambda: api.get(f"{PODS}/held")["status"]["phase"] == "Running")

    api.delete(f"{PODS}/held")
    time.sleep(1)
    assert not is_placed(api)

    api.merge(f"{PODS}/held", {"metadata": {"finalizers": None}})
    assert seconds_until_placed(api) < 1


def drop_pods(api: Api) -> None:
    """A ResourceQuota refuses all that there is room for, after their admission."""
    body = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    api.post(RESOURCE_QUOTAS, {"apiVersion": "v1", "kind": "ResourceQuota", **body})
    path = f"{RESOURCE_QUOTAS}/none"
    wait_until("the quota is in force", lambda: api.get(path).get("status", {}).get("hard"))
    for _ in range(LIMIT):
        with pytest.raises(ApiError, match="exceeded quota"):
            api.post(PODS, pod(APP))
    api.delete(path)


def seconds_until_expired(api: Api, time_to_live: float) -> float:
    """And until all there is can be had again."""
    started = time.monotonic()
    assert sum(one["gpus"] for one in entries(api)) == LIMIT
    assert remaining(api) == 0
    wait_until("the promises expire", lambda: not entries(api), timeout=time_to_live + 5)
    seconds = time.monotonic() - started
    assert remaining(api) == LIMIT
    return seconds


def test_pods_that_a_resource_quota_refuses_cost_nothing_for_longer_than_a_promise_lives(api: Api) -> None:
    drop_pods(api)

    assert seconds_until_expired(api, TIME_TO_LIVE) > TIME_TO_LIVE - 2, "not before a request is over for certain"
    wait_until("the quota is gone", lambda: is_placed(api))


def test_promises_live_for_75_seconds_where_nothing_else_is_said(api: Api, alone: Callable[..., None]) -> None:
    alone()
    drop_pods(api)

    assert 70 < seconds_until_expired(api, 75) < 80


def test_clients_that_go_away_cost_nothing_for_longer_than_a_promise_lives(api: Api) -> None:
    for i in range(40):
        create_and_go_away(api, pod(APP, f"lost-{i}"), patience=i * 0.0005)

    wait_until("the promises are kept or expire", lambda: not entries(api), timeout=TIME_TO_LIVE + 5)
    stored = pods_of(api, APP)
    assert remaining(api) == LIMIT - len(stored)
    found = Crowd(api, clients=8).create(pod(APP, f"next-{i}") for i in range(LIMIT))
    assert len(found.placed(BEIJING)) == LIMIT - len(stored)
    assert all(region_of(one) == BEIJING for one in stored)


def create_and_go_away(api: Api, body: dict, patience: float) -> None:
    """Sends the request, and hangs up without waiting for the answer."""
    text = json.dumps(body).encode()
    address = api.cluster.api_port
    head = f"POST {PODS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api.token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", address)) as plain:
        with api.context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            secure.sendall(head.encode() + text)
            time.sleep(patience)


def test_a_dry_run_promises_nothing(api: Api) -> None:
    for _ in range(LIMIT + 2):
        answer = api.post(f"{PODS}?dryRun=All", pod(APP))
        assert region_of(answer) == BEIJING

    assert not entries(api)
    assert remaining(api) == LIMIT


def test_a_promise_is_no_longer_listed_once_its_pod_is_seen(api: Api) -> None:
    fill(api)

    wait_until("the promises are kept", lambda: not entries(api), timeout=3)
    assert remaining(api) == 0


def test_a_ledger_that_is_lost_opens_again_when_its_promises_can_only_be_pods(api: Api) -> None:
    held = fill(api)
    api.delete(f"{PODS}/{held[0]}", gracePeriodSeconds="0")
    wait_until("there is room for one", lambda: remaining(api) == 1)
    wait_until("the promises are kept", lambda: not entries(api), timeout=3)
    api.delete(LEDGER)
    started = time.monotonic()

    def is_placed_in_the_end() -> bool:
        """Until then it is not known whether there is room, which is no refusal."""
        status, answer = api.send("POST", PODS, pod(APP))
        assert status != 403, answer
        return status == 201

    wait_until("there is room for certain", is_placed_in_the_end, timeout=TIME_TO_LIVE + 20)
    assert time.monotonic() - started > TIME_TO_LIVE - 1
    assert not is_placed(api)
