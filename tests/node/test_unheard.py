"""Replicas that the API server does not answer: they say so, are asked no more, and come back."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import time
from collections.abc import Iterator

import pytest

from api import PODS, Api
from cluster import TOP
from kubectl import Kubectl
from load import Load
from node_cluster import NodeCluster
from objects import pod, region_of
from process import wait_until
from release import HASTY, STEADY, Release
from replica_pods import PORT, Pod, is_ready, name_of, replica_pods, wait_settled

REVIEW = TOP / "tests" / "data" / "reviews" / "deployment-policy.json"


@pytest.fixture(scope="module")
def release(not_installed: Release) -> Iterator[Release]:
    not_installed.install(**HASTY)
    yield not_installed
    not_installed.uninstall_if_there()


@pytest.fixture
def pods(release: Release, kubectl: Kubectl) -> list[Pod]:
    return wait_settled(kubectl)


def restarts(pods: list[Pod]) -> int:
    return sum(status["restartCount"] for one in pods for status in one["status"]["containerStatuses"])


@contextlib.contextmanager
def cut_off(cluster: NodeCluster, replica: Pod) -> Iterator[None]:
    """Whatever it sends to the API server is lost, and neither is told. The API server still reaches it."""
    rule = ["INPUT", "-s", replica["status"]["podIP"], "-p", "tcp", "--dport", str(cluster.api_port), "-j", "DROP"]
    cluster.machine("iptables", "-I", *rule)
    try:
        yield
    finally:
        cluster.machine("iptables", "-D", *rule)


def ask(replica: Pod) -> None:
    """About a pod, as the API server asks, whatever comes of it. Who is not asked does not see how alone he is."""
    review = json.loads(REVIEW.read_text())
    review["request"]["object"] = pod(STEADY)
    connection = http.client.HTTPSConnection(
        replica["status"]["podIP"], PORT, context=ssl._create_unverified_context(), timeout=5
    )
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/mutate?timeout=1s", json.dumps(review), headers)
        connection.getresponse().read()


def ready(kubectl: Kubectl) -> set[str]:
    return {name_of(one) for one in replica_pods(kubectl) if is_ready(one)}


def test_a_replica_that_is_not_answered_is_asked_no_more_until_it_is(
    pods: list[Pod], cluster: NodeCluster, kubectl: Kubectl, api: Api
) -> None:
    cut, other = pods
    with Load(api, STEADY) as load, cut_off(cluster, cut):

        def alone() -> bool:
            ask(cut)
            return ready(kubectl) == {name_of(other)}

        wait_until("it is unready", alone, timeout=60)
        time.sleep(7)  # what it was asked before has been answered, or given up (timeoutSeconds is 5)
        failures, created = [*load.failures], len(load.seconds)
        time.sleep(3)
        assert load.failures == failures and len(load.seconds) > created
    assert restarts(wait_settled(kubectl)) == 0


def test_replicas_outlive_their_api_server(pods: list[Pod], cluster: NodeCluster, kubectl: Kubectl, api: Api) -> None:
    cluster.restart_apiserver()
    cluster.recover()
    api.forget()
    wait_until("a pod is placed", lambda: region_of(api.post(PODS, pod(STEADY))))
    assert restarts(wait_settled(kubectl)) == 0
