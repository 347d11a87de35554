"""Fixtures: one cluster with a real node for all tests. What needs the outside (building programs and images) is done
before the tests enter the network of that node, which has nothing but itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "e2e"))

from api import PODS, Api
from binaries import find_binaries
from busybox import build_busybox
from image import build_image
from kubectl import Kubectl
from machine import Machine
from node_cluster import NodeCluster
from process import wait_until
from release import Release


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The node by itself first: nothing else can be as long as it is not."""
    items.sort(key=lambda item: item.path.name != "test_node.py")


@pytest.fixture(scope="session")
def binaries() -> dict[str, str]:
    return find_binaries("node", "helm")


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The images that are on the node."""
    return [build_busybox(tmp_path_factory.mktemp("busybox")), build_image()]


@pytest.fixture(scope="session")
def machine(
    binaries: dict[str, str], archives: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    assert binaries and archives
    if os.geteuid():
        pytest.skip("a machine of one's own needs root")
    machine = Machine(tmp_path_factory.mktemp("machine"))
    try:
        machine.start()
        with machine.entered():
            yield machine
    finally:
        machine.stop()


@pytest.fixture(scope="session")
def cluster(
    machine: Machine, binaries: dict[str, str], archives: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeCluster]:
    cluster = NodeCluster(tmp_path_factory.mktemp("cluster"), binaries, machine)
    cluster.start()
    for archive in archives:
        cluster.load(archive)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def kubectl(cluster: NodeCluster) -> Kubectl:
    return cluster.kubectl


@pytest.fixture(scope="session")
def session_api(cluster: NodeCluster) -> Api:
    return Api(cluster)


@pytest.fixture
def api(session_api: Api) -> Iterator[Api]:
    """As the admin. No pod and no Deployment of a test is left for the next one."""
    yield session_api
    wait_until("nothing is left", lambda: remove_all(session_api))
    session_api.forget()


def remove_all(api: Api) -> bool:
    api.delete("/apis/apps/v1/namespaces/default/deployments")
    api.delete(PODS, gracePeriodSeconds="0")
    return not api.get(PODS)["items"]


@pytest.fixture(scope="session")
def not_installed(binaries: dict[str, str], cluster: NodeCluster, session_api: Api) -> Release:
    return Release(binaries["helm"], cluster.kubeconfig, cluster.kubectl, session_api)
