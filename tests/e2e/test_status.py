"""What the cluster tells its users: the status of quotas, and events on workloads."""

from __future__ import annotations

import time

import pytest

from api import PODS, Api
from checker import Checker
from crowd import Crowd
from etcd_history import QUOTAS as STORED_QUOTAS
from live_cluster import NAMESPACE, LiveCluster
from objects import BEIJING, HANGZHOU, POLICIES, QUOTAS, Object, pod, policy, pools, quota, static_pod, unit
from process import wait_until
from replicas import Replicas

pytestmark = pytest.mark.usefixtures("replicas")
APP = "inference"
NUMBER_OF_REPLICAS = 3
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
EVENTS = "/api/v1/namespaces/default/events"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/regionfit"


def numbers(api: Api, region: str, series: str = "GU8TF") -> tuple[int, int, int]:
    """What is used, reserved and left; zeros where there is no status."""
    pool = pools(api, region).get(series, {})
    return pool.get("used", 0), pool.get("reserved", 0), pool.get("remaining", 0)


def condition(api: Api, name: str, type_: str) -> tuple[str, str]:
    """Its status and reason."""
    listed = api.get(f"{QUOTAS}/{name}").get("status", {}).get("conditions", [])
    return next(((one["status"], one["reason"]) for one in listed if one["type"] == type_), ("", ""))


def wait_in_force(api: Api) -> None:
    def is_placed() -> bool:
        status, answer = api.send("POST", f"{PODS}?dryRun=All", pod(APP, "asked"))
        return status == 201 and "nodeSelector" in answer["spec"]

    wait_until("the policy is in force", is_placed)


def test_the_status_follows_within_two_seconds(api: Api) -> None:
    api.post(QUOTAS, quota(BEIJING, GU8TF=5, others=2))
    wait_until("it is written", lambda: numbers(api, BEIJING) == (0, 0, 5), timeout=2)

    api.post(PODS, static_pod(BEIJING, name="one", gpus=3))
    wait_until("the pod is counted", lambda: numbers(api, BEIJING) == (3, 0, 2), timeout=2)
    api.post(PODS, static_pod(BEIJING, name="two", series="A10"))
    wait_until("so is one of another series", lambda: numbers(api, BEIJING, "*") == (1, 0, 1), timeout=2)

    api.delete(f"{PODS}/one", gracePeriodSeconds="0")
    wait_until("the pod is gone", lambda: numbers(api, BEIJING) == (0, 0, 5), timeout=2)


def test_kubectl_get_shows_all_pools(live: LiveCluster, api: Api) -> None:
    api.post(QUOTAS, quota(BEIJING, GU8TF=5, others=2))
    api.post(PODS, static_pod(BEIJING, name="one", gpus=3))
    expected = [BEIJING, BEIJING, "GU8TF,*", "5,2", "3,0", "0,0", "2,2"]

    def columns() -> list[str]:
        return live.kubectl("get", "regionquotas", "--no-headers").split()[:-1]

    wait_until("the columns are there", lambda: columns() == expected, timeout=3)


def test_a_burst_writes_each_object_once_a_second_at_most(live: LiveCluster, api: Api) -> None:
    api.post(QUOTAS, quota(BEIJING, GU8TF=1000))
    api.post(POLICIES, policy(APP, unit(BEIJING)))
    wait_in_force(api)

    with Checker(live.etcd_port) as checker:
        started = time.monotonic()
        Crowd(api, clients=16).create(pod(APP, f"burst-{i}") for i in range(400))
        wait_until("all are counted", lambda: numbers(api, BEIJING) == (400, 0, 600), timeout=5)
        seconds = time.monotonic() - started
        checker.verify()
        writes = [one for one in checker.history.changes if one.key.startswith(STORED_QUOTAS)]
    assert 1 <= len(writes) <= seconds + 1


def test_more_in_use_than_the_limit_is_a_condition(api: Api) -> None:
    api.post(QUOTAS, quota(BEIJING, GU8TF=5))
    wait_until("all is well", lambda: condition(api, BEIJING, "OverLimit")[0] == "False", timeout=3)
    assert condition(api, BEIJING, "Ready")[0] == "True"

    api.post(PODS, static_pod(BEIJING, name="one", gpus=7))

    wait_until("it is above", lambda: condition(api, BEIJING, "OverLimit")[0] == "True", timeout=3)
    assert numbers(api, BEIJING) == (7, 0, -2)


def test_a_series_that_two_objects_list_is_a_condition_and_the_smaller_limit_holds(api: Api) -> None:
    api.post(QUOTAS, quota(BEIJING, GU8TF=5))
    other = quota("another", GU8TF=3)
    other["spec"]["region"] = BEIJING
    api.post(QUOTAS, other)

    for name in (BEIJING, "another"):
        ready = ("False", "DuplicateSeries")
        wait_until("it says so", lambda name=name: condition(api, name, "Ready") == ready, timeout=3)
        assert pools(api, name)["GU8TF"]["limit"] == 3


def test_another_replica_writes_the_status_when_the_one_that_did_is_killed(replicas: Replicas, api: Api) -> None:
    leader = api.get(LEASE)["spec"]["holderIdentity"]
    (number,) = (i for i in range(3) if f"replica-{i}" == leader)
    replicas.all[number].kill()

    api.post(QUOTAS, quota(BEIJING, GU8TF=5))

    wait_until("the status is there", lambda: numbers(api, BEIJING) == (0, 0, 5), timeout=30)
    assert api.get(LEASE)["spec"]["holderIdentity"] != leader


def deployment(number: int) -> Object:
    template = pod(APP)
    template["metadata"] = {"labels": {"app": APP}}
    spec = {"replicas": number, "selector": {"matchLabels": {"app": APP}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": APP}, "spec": spec}


def events_of_regionfit(api: Api) -> list[Object]:
    """On ReplicaSets that exist."""
    uids = {one["metadata"]["uid"] for one in api.get(DEPLOYMENTS.replace("deployments", "replicasets"))["items"]}
    return [
        one
        for one in api.get(EVENTS)["items"]
        if one["involvedObject"].get("uid") in uids
        and "regionfit" in (one.get("reportingComponent") or one.get("source", {}).get("component", ""))
    ]


def test_a_workload_is_told_that_its_pods_are_denied_in_one_event(api: Api) -> None:
    api.post(QUOTAS, quota(BEIJING, GU8TF=1))
    api.post(POLICIES, policy(APP, unit(BEIJING)))
    wait_in_force(api)

    api.post(DEPLOYMENTS, deployment(4))

    def denied() -> list[Object]:
        return [one for one in events_of_regionfit(api) if one["type"] == "Warning" and one.get("count", 1) > 1]

    events = wait_until("it is told, and told that there were several", denied, timeout=20)
    assert len(events) <= NUMBER_OF_REPLICAS, "one of each replica"
    assert "cn-beijing/GU8TF" in events[0]["message"]
    assert events[0]["involvedObject"]["kind"] == "ReplicaSet"


def test_a_workload_is_told_that_a_pod_went_to_other_than_its_first_unit(api: Api) -> None:
    api.post(QUOTAS, quota(BEIJING, GU8TF=1))
    api.post(QUOTAS, quota(HANGZHOU, GU8TF=5))
    api.post(POLICIES, policy(APP, unit(BEIJING), unit(HANGZHOU)))
    wait_in_force(api)

    api.post(DEPLOYMENTS, deployment(3))

    def told() -> list[Object]:
        return [one for one in events_of_regionfit(api) if HANGZHOU in one["message"]]

    events = wait_until("it is told", told, timeout=20)
    assert len(events) <= NUMBER_OF_REPLICAS, "one of each replica"
    assert {event["type"] for event in events} == {"Normal"}


def test_a_dry_run_is_no_event(api: Api) -> None:
    api.post(QUOTAS, quota(BEIJING, GU8TF=0))
    api.post(POLICIES, policy(APP, unit(BEIJING)))
    api.post(DEPLOYMENTS, deployment(0))
    sets = DEPLOYMENTS.replace("deployments", "replicasets")
    (owner,) = wait_until("its ReplicaSet is there", lambda: api.get(sets)["items"])
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner["metadata"]["name"]}
    reference |= {"uid": owner["metadata"]["uid"], "controller": True}
    body = pod(APP)
    body["metadata"]["ownerReferences"] = [reference]

    def is_denied() -> bool:
        return api.send("POST", f"{PODS}?dryRun=All", body)[0] == 403

    wait_until("it is denied", is_denied)
    for _ in range(5):
        assert is_denied()
    time.sleep(2)
    assert not events_of_regionfit(api)
