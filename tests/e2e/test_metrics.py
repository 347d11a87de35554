"""Metrics of a replica that shares a cluster's ledger: what only there can happen to it."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api import PODS, Api
from cluster import free_ports
from live_cluster import LiveCluster
from objects import BEIJING, LEDGER, POLICIES, QUOTAS, Object, pod, policy, quota, static_pod, unit
from pods import RESERVATION
from process import wait_until
from webhook import CONFIGURATION

APP = "inference"
Read = Callable[..., float]


@pytest.fixture
def read(alone: Callable[..., None], api: Api) -> Read:
    """The value of a metric of the one replica that there is."""
    (port,) = free_ports(1)
    alone("--metrics", f"127.0.0.1:{port}", "--ledger-ttl", "10s")
    api.post(QUOTAS, quota(BEIJING, GU8TF=2))
    api.post(POLICIES, policy(APP, unit(BEIJING)))

    def value(name: str, **labels: str) -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        samples = [one for family in families for one in family.samples]
        (found,) = [one.value for one in samples if one.name == name and one.labels == labels]
        return found

    return value


def decisions(read: Read, outcome: str, dry_run: str = "false") -> float:
    return read("regionfit_decisions_total", outcome=outcome, dry_run=dry_run)


def test_decisions_on_the_pods_of_a_cluster_are_counted_once(read: Read, api: Api) -> None:
    wait_until("the policy is followed", lambda: "regionfit.io/placement" in str(dry_run(api)))
    before = decisions(read, "placed"), decisions(read, "denied")
    answers = [api.send("POST", PODS, pod(APP))[0] for _ in range(3)]
    assert answers == [201, 201, 403]
    assert (decisions(read, "placed"), decisions(read, "denied")) == (before[0] + 2, before[1] + 1)
    assert read("regionfit_ledger_obstacle_seconds") == 0


def dry_run(api: Api) -> Object:
    return api.send("POST", f"{PODS}?dryRun=All", pod(APP))[1]


def test_a_ledger_that_is_lost_is_an_obstacle_until_it_is_open_again(read: Read, api: Api) -> None:
    api.delete(LEDGER)
    wait_until("it is lost", lambda: read("regionfit_ledger_obstacle_seconds") > 1)
    wait_until("it is open again", lambda: read("regionfit_ledger_obstacle_seconds") == 0, timeout=60)


def test_a_pod_that_brings_a_promise_that_nobody_gave_is_late(read: Read, api: Api, live: LiveCluster) -> None:
    live.kubectl("delete", CONFIGURATION)
    before = read("regionfit_ledger_late_pods_total")
    forged = static_pod(BEIJING)
    forged["metadata"]["annotations"] = {RESERVATION: "0123456789abcdef0123456789abcdef"}
    wait_until("nobody is asked", lambda: is_stored_as_it_is(api, forged))
    wait_until("it is counted", lambda: read("regionfit_ledger_late_pods_total") == before + 1, timeout=60)


def is_stored_as_it_is(api: Api, sent: Object) -> bool:
    """Once the API server has learned that no webhook is registered any more."""
    tried = api.send("POST", f"{PODS}?dryRun=All", sent)[1]
    if tried["metadata"]["annotations"] != sent["metadata"]["annotations"]:
        return False
    return api.send("POST", PODS, sent)[0] == 201
