"""Replicas that the API server does not answer: they say so, are asked no more, and come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api import PODS, Api
from kubectl import Kubectl
from node_cluster import NodeCluster
from objects import pod, region_of
from process import wait_until
from release import STEADY, Release
from replica_pods import Pod, wait_settled


@pytest.fixture(scope="module")
def release(not_installed: Release) -> Iterator[Release]:
    not_installed.install()
    yield not_installed
    not_installed.uninstall_if_there()


@pytest.fixture
def pods(release: Release, kubectl: Kubectl) -> list[Pod]:
    return wait_settled(kubectl)


def restarts(pods: list[Pod]) -> int:
    return sum(status["restartCount"] for one in pods for status in one["status"]["containerStatuses"])


def test_replicas_outlive_their_api_server(pods: list[Pod], cluster: NodeCluster, kubectl: Kubectl, api: Api) -> None:
    cluster.restart_apiserver()
    cluster.recover()
    api.forget()
    wait_until("a pod is placed", lambda: region_of(api.post(PODS, pod(STEADY))))
    assert restarts(wait_settled(kubectl)) == 0
