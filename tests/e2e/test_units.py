"""How many pods, and which, a policy's units hold in a live cluster; and real nodes as units."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from api import PODS, Api
from live_cluster import LiveCluster
from nodes import create_nodes, node, virtual_node
from objects import BEIJING, HANGZHOU, POLICIES, QUOTAS, Object, pod, policy, pools, quota, region_of, static_pod, unit
from process import wait_until

pytestmark = pytest.mark.usefixtures("replicas")
APP = "inference"
NODES = "/api/v1/nodes"
POOL = {"example.com/pool": "real"}


def in_force(api: Api, value: Object) -> None:
    """Creates the policy, and returns once every replica is likely to have it: they read it in the same moment."""
    api.post(POLICIES, value)

    def is_selected() -> bool:
        status, answer = api.send("POST", f"{PODS}?dryRun=All", pod(value["metadata"]["name"], "asked", gpus=0))
        return status == 403 or "nodeSelector" in answer["spec"]

    for _ in range(6):
        wait_until("the policy is in force", is_selected)


def place(api: Api, number: int = 1, **how: object) -> list[str]:
    """Where so many pods go, one after the other: their regions, "" for a real node, or "refused"."""
    found = []
    for _ in range(number):
        status, answer = api.send("POST", PODS, pod(APP, **how))
        assert status in (201, 403), answer
        found.append(region_of(answer) if status == 201 else "refused")
    return found


def test_a_unit_holds_as_many_pods_as_its_max(api: Api) -> None:
    in_force(api, policy(APP, unit(BEIJING, max=2), unit(HANGZHOU, max=1)))

    assert place(api, 4) == [BEIJING, BEIJING, HANGZHOU, "refused"]


def test_pods_without_gpus_count_for_max(api: Api) -> None:
    in_force(api, policy(APP, unit(BEIJING, max=1), unit(HANGZHOU)))

    assert place(api, 2, gpus=0) == [BEIJING, HANGZHOU]


def test_whoever_placed_a_pod_it_counts_toward_the_unit_whose_labels_it_has(api: Api) -> None:
    in_force(api, policy(APP, unit(BEIJING, max=2), unit(HANGZHOU)))
    early = static_pod(BEIJING, APP, "early")
    early["metadata"]["annotations"] = {"regionfit.io/ignore": "true"}
    api.post(PODS, early)
    wait_until("it is seen", lambda: api.get(f"{PODS}/early")["status"]["phase"] == "Running")

    assert place(api, 2) == [BEIJING, HANGZHOU]


def test_a_pod_of_another_application_does_not_count(api: Api) -> None:
    in_force(api, policy(APP, unit(BEIJING, max=1), unit(HANGZHOU)))
    api.post(PODS, static_pod(BEIJING, "another", "other"))
    wait_until("it is seen", lambda: api.get(f"{PODS}/other")["status"]["phase"] == "Running")

    assert place(api, 2) == [BEIJING, HANGZHOU]


def test_a_unit_holds_what_its_max_resources_allow(api: Api) -> None:
    in_force(api, policy(APP, unit(BEIJING, maxResources={"nvidia.com/gpu": 5}), unit(HANGZHOU)))

    assert place(api, 3, gpus=2) == [BEIJING, BEIJING, HANGZHOU]
    assert place(api, 1, gpus=1) == [BEIJING]


def test_each_group_of_label_values_has_a_max_of_its_own(api: Api) -> None:
    in_force(api, policy(APP, unit(BEIJING, max=1), unit(HANGZHOU), matchLabelKeys=["team"]))

    assert place(api, 2, labels={"team": "a"}) == [BEIJING, HANGZHOU]
    assert place(api, 2, labels={"team": "b"}) == [BEIJING, HANGZHOU]
    assert place(api, 1) == ["refused"]


def test_a_pod_that_has_ended_makes_room_in_its_unit(api: Api) -> None:
    in_force(api, policy(APP, unit(BEIJING, max=1), unit(HANGZHOU)))
    name = api.post(PODS, pod(APP))["metadata"]["name"]
    assert place(api) == [HANGZHOU]

    api.delete(f"{PODS}/{name}", gracePeriodSeconds="0")

    wait_until("there is room", lambda: place(api) == [BEIJING], timeout=1)


@pytest.mark.parametrize("ignore, expected", [(True, [BEIJING, HANGZHOU]), (False, [HANGZHOU, HANGZHOU])])
def test_pods_that_were_there_before_the_policy(api: Api, ignore: bool, expected: list[str]) -> None:
    api.post(PODS, static_pod(BEIJING, APP, "before"))
    time.sleep(1.1)  # creation times are whole seconds
    in_force(api, policy(APP, unit(BEIJING, max=1), unit(HANGZHOU), ignorePreviousPod=ignore))

    assert place(api, 2) == expected


@pytest.mark.parametrize("ignore, expected", [(True, BEIJING), (False, HANGZHOU)])
def test_pods_that_are_being_deleted(api: Api, ignore: bool, expected: str) -> None:
    in_force(api, policy(APP, unit(BEIJING, max=1), unit(HANGZHOU), ignoreTerminatingPod=ignore))
    held = pod(APP, "held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    assert region_of(api.post(PODS, held)) == BEIJING
    wait_until("it runs", lambda: api.get(f"{PODS}/held")["status"]["phase"] == "Running")

    api.delete(f"{PODS}/held")
    time.sleep(0.5)
    placed = place(api)

    api.merge(f"{PODS}/held", {"metadata": {"finalizers": None}})
    assert placed == [expected]


@pytest.fixture
def real_nodes(live: LiveCluster, api: Api) -> Iterator[None]:
    """Two, with three GPUs each."""
    create_nodes(live.kubectl, node("real-a", 3, POOL), node("real-b", 3, POOL))
    yield
    api.delete(PODS, gracePeriodSeconds="0")
    for name in ("real-a", "real-b"):
        api.delete(f"{NODES}/{name}")


REAL_UNIT = {"resource": "ecs", "nodeSelector": POOL}


@pytest.mark.usefixtures("real_nodes")
class TestRealNodes:
    def test_they_are_filled_first_and_the_pods_run_there(self, api: Api) -> None:
        in_force(api, policy(APP, REAL_UNIT, unit(BEIJING)))

        assert place(api, 7) == [""] * 6 + [BEIJING]
        wait_until("all of them run", lambda: self.nodes_of_running_pods(api) == {"real-a": 3, "real-b": 3})

    def nodes_of_running_pods(self, api: Api) -> dict[str, int]:
        items = api.get(PODS, labelSelector=f"app={APP}")["items"]
        running = [one["spec"].get("nodeName") for one in items if one["status"]["phase"] == "Running"]
        return {name: running.count(name) for name in sorted(set(running)) if name.startswith("real-")}

    def test_pods_that_others_have_put_there_hold_their_gpus(self, api: Api) -> None:
        foreign = pod("foreign", "foreign", gpus=3, nodeName="real-a")
        api.post(PODS, foreign)
        in_force(api, policy(APP, REAL_UNIT, unit(BEIJING)))
        wait_until("it runs", lambda: api.get(f"{PODS}/foreign")["status"]["phase"] == "Running")

        assert place(api, 4) == ["", "", "", BEIJING]

    def test_what_a_pod_gives_back_is_free_again(self, api: Api) -> None:
        in_force(api, policy(APP, REAL_UNIT, unit(BEIJING)))
        first = api.post(PODS, pod(APP, gpus=3))["metadata"]["name"]
        assert place(api, 2, gpus=3) == ["", BEIJING]

        api.delete(f"{PODS}/{first}", gracePeriodSeconds="0")

        wait_until("there is room", lambda: place(api, gpus=3) == [""], timeout=1)

    def test_max_bounds_the_unit_as_well(self, api: Api) -> None:
        in_force(api, policy(APP, {**REAL_UNIT, "max": 2}, unit(BEIJING)))

        assert place(api, 3) == ["", "", BEIJING]

    def test_a_node_that_takes_no_pods_has_no_gpus(self, api: Api) -> None:
        for name in ("real-a", "real-b"):
            api.merge(f"{NODES}/{name}", {"spec": {"unschedulable": True}})
        in_force(api, policy(APP, REAL_UNIT, unit(BEIJING)))

        wait_until("it is seen", lambda: place(api) == [BEIJING], timeout=3)


def test_what_a_regions_virtual_nodes_have_caps_its_pool_where_that_is_asked_for(
    live: LiveCluster, api: Api, alone: Callable[..., None]
) -> None:
    small = "cn-small"
    create_nodes(live.kubectl, virtual_node("virtual-small", small, gpus=3))
    try:
        alone("--capacity-from-nodes")
        api.post(QUOTAS, quota(small, GU8TF=5))
        api.post(QUOTAS, quota(HANGZHOU, GU8TF=2))
        in_force(api, policy(APP, unit(small), unit(HANGZHOU)))
        wait_until(
            "the status has the smaller number", lambda: pools(api, small).get("GU8TF", {}).get("limit") == 3, timeout=5
        )
        assert pools(api, HANGZHOU)["GU8TF"]["limit"] == 2

        assert place(api, 6) == [small] * 3 + [HANGZHOU] * 2 + ["refused"]

        api.merge(f"{NODES}/virtual-small/status", {"status": {"allocatable": {"nvidia.com/gpu": "4"}}})
        wait_until("the node has one more", lambda: place(api) == [small], timeout=5)
    finally:
        api.delete(f"{NODES}/virtual-small")


def test_a_unit_that_matches_no_node_does_not_fit(api: Api) -> None:
    in_force(api, policy(APP, {"resource": "ecs", "nodeSelector": {"example.com/pool": "none"}}, unit(HANGZHOU)))

    assert place(api) == [HANGZHOU]
