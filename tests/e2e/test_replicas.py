"""Three replicas decide at once, and give out what there is: all of it, and never more, whatever is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from api import PODS, Api
from checker import Checker
from crowd import Crowd, Outcomes
from live_cluster import LiveCluster
from objects import (
    BEIJING,
    HANGZHOU,
    POLICIES,
    QUOTAS,
    Object,
    count_by_region,
    entries,
    pod,
    pods_of,
    policy,
    pools,
    quota,
    unit,
)
from process import wait_until
from replicas import Replicas

APP = "burst"
LIMITS = {BEIJING: 100, HANGZHOU: 150}
NUMBER = 600
ROUNDS = 10


class Burst:
    """Creates pods in the background, and tells how many have an outcome."""

    def __init__(self, api: Api, pods: list[Object]) -> None:
        self.done = 0
        self.outcomes = Outcomes()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self.run, args=(Crowd(api), pods))
        self.thread.start()

    def run(self, crowd: Crowd, pods: list[Object]) -> None:
        try:
            self.outcomes = crowd.create(pods, self.progress)
        except BaseException as error:
            self.failure = error

    def progress(self, number: int) -> None:
        self.done = max(self.done, number)

    def wait(self, number: int) -> None:
        """Returns once so many pods have an outcome."""
        what = f"{number} pods have an outcome"
        wait_until(what, lambda: self.done >= number or not self.thread.is_alive(), timeout=60, pause=0.005)
        assert self.done >= number, self.failure

    def finish(self) -> Outcomes:
        self.thread.join()
        if self.failure:
            raise self.failure
        return self.outcomes


@pytest.fixture
def checker(live: LiveCluster, api: Api) -> Iterator[Checker]:
    """Has followed the whole test, and has found nothing."""
    for region, gpus in LIMITS.items():
        api.post(QUOTAS, quota(region, GU8TF=gpus))
    for region in LIMITS:  # from then on it holds, whichever replica decides
        wait_until("the status shows the limit", lambda region=region: pools(api, region), timeout=10)
    api.post(POLICIES, policy(APP, unit(BEIJING), unit(HANGZHOU)))
    with Checker(live.etcd_port) as checker:
        yield checker
        checker.verify()


def wait_in_force(api: Api) -> None:
    """Returns once a pod would be placed; asking reserves nothing."""

    def placed() -> bool:
        status, answer = api.send("POST", f"{PODS}?dryRun=All", pod(APP, "asked"))
        return status == 201 and "nodeSelector" in answer["spec"]

    wait_until("the policy is in force", placed)
    time.sleep(0.3)  # with the other replicas, too: they follow it each for itself


def burst_of(number: int, name: str = "burst") -> list[Object]:
    return [pod(APP, f"{name}-{i}") for i in range(number)]


def create_what_fits(api: Api, found: Outcomes) -> Outcomes:
    """Lets those that were refused try again as long as there is room and no promise is left.

    A replica that is killed takes promises with it; what they hold comes back when they expire.
    """
    wait_until("no promise is left", lambda: not entries(api), timeout=30)
    while count_by_region(pods_of(api, APP)) != LIMITS:
        again = Crowd(api).create([pod(APP, name) for name in found.refused()])
        assert any(one.placed for one in again.outcomes), "there is room"
        found.outcomes = [one for one in found.outcomes if one.placed] + again.outcomes
        wait_until("no promise is left", lambda: not entries(api), timeout=30)
    return found


def assert_all_is_given_out(api: Api, found: Outcomes) -> None:
    stored = pods_of(api, APP)
    assert count_by_region(stored) == LIMITS
    assert {region: len(found.placed(region)) for region in LIMITS} == LIMITS
    assert len(found.refused()) == NUMBER - sum(LIMITS.values())
    names = {one["metadata"]["name"] for one in stored}
    assert names == {name for region in LIMITS for name in found.placed(region)}
    for one in found.outcomes:
        assert one.placed or ("cn-beijing/GU8TF: full" in one.message and "cn-hangzhou/GU8TF: full" in one.message)


def test_sixty_four_clients_fill_both_pools_and_not_one_creation_fails(
    replicas: Replicas, api: Api, checker: Checker
) -> None:
    wait_in_force(api)

    found = Crowd(api).create(burst_of(NUMBER))

    assert not found.troubles, "replicas that meet at the ledger agree, and nobody else hears of it"
    assert_all_is_given_out(api, found)
    assert checker.verify().highest == {(region, "GU8TF"): gpus for region, gpus in LIMITS.items()}


def test_every_replica_takes_part(replicas: Replicas, api: Api, checker: Checker) -> None:
    wait_in_force(api)
    others = replicas.all[1:]
    for replica in others:
        replica.kill()

    found = Crowd(api, clients=8).create(burst_of(20, "alone"))
    assert len(found.placed(BEIJING)) == 20
    for replica in others:
        replica.start()
        replica.wait_ready()
    wait_until("the first one holds nothing in advance", lambda: not entries(api))
    replicas.all[0].kill()

    found = Crowd(api, clients=8).create(burst_of(100, "together"))
    assert (len(found.placed(BEIJING)), len(found.placed(HANGZHOU))) == (80, 20), "they know what the first one gave"


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_a_replica_is_killed_another_stands_still_and_the_api_server_restarts(
    replicas: Replicas, live: LiveCluster, api: Api, checker: Checker, turn: int
) -> None:
    wait_in_force(api)
    killed, frozen = replicas.all[turn % 3], replicas.all[(turn + 1) % 3]

    burst = Burst(api, burst_of(NUMBER))
    burst.wait(40)
    killed.kill()
    burst.wait(60)
    thaw = frozen.freeze(5)
    burst.wait(80)
    live.restart_apiserver()
    killed.start()
    thaw.join()
    found = create_what_fits(api, burst.finish())

    assert_all_is_given_out(api, found)
    assert checker.verify().highest == {(region, "GU8TF"): gpus for region, gpus in LIMITS.items()}


def test_a_lowered_limit_holds_from_the_moment_that_the_status_shows_it(
    replicas: Replicas, api: Api, checker: Checker
) -> None:
    """The checker has the old limit until then, and the new one from then on."""
    wait_in_force(api)

    burst = Burst(api, burst_of(NUMBER))
    burst.wait(30)
    api.merge(f"{QUOTAS}/{BEIJING}", {"spec": quota(BEIJING, GU8TF=20)["spec"]})
    burst.finish()

    wait_until("the status shows it", lambda: pools(api, BEIJING).get("GU8TF", {}).get("limit") == 20, timeout=5)
    state = checker.verify()
    assert state.limits[BEIJING, "GU8TF"] == 20
    assert state.held[HANGZHOU, "GU8TF"] == 150
    assert 20 <= state.held[BEIJING, "GU8TF"] <= 100


def test_a_deployment_that_comes_and_goes_twenty_times_leaves_nothing_behind(
    replicas: Replicas, api: Api, checker: Checker
) -> None:
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    wait_in_force(api)
    template = pod(APP)
    template["metadata"] = {"labels": {"app": APP}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": APP}}, "template": template}
    api.post(deployments, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": APP}, "spec": spec})

    for _ in range(20):
        api.merge(f"{deployments}/{APP}", {"spec": {"replicas": 200}})
        wait_until("there are 200 pods", lambda: number_of_pods(api) == 200, timeout=60)
        api.merge(f"{deployments}/{APP}", {"spec": {"replicas": 0}})
        wait_until("there is none", lambda: number_of_pods(api) == 0, timeout=60)

    wait_until("nothing is promised", lambda: not entries(api), timeout=20)
    empty = {region: {"limit": gpus, "used": 0, "reserved": 0, "remaining": gpus} for region, gpus in LIMITS.items()}
    wait_until(
        "the status says so", lambda: {region: pools(api, region)["GU8TF"] for region in LIMITS} == empty, timeout=5
    )


def number_of_pods(api: Api) -> int:
    """The API server counts them: a page of one says how many more there are."""
    page = api.get(PODS, limit="1")
    return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)
