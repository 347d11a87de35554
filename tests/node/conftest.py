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

from binaries import find_binaries
from images import build_busybox
from kubectl import Kubectl
from machine import Machine
from node_cluster import NodeCluster


@pytest.fixture(scope="session")
def binaries() -> dict[str, str]:
    return find_binaries("node")


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_busybox(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def machine(binaries: dict[str, str], busybox: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    assert binaries and busybox
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
    machine: Machine, binaries: dict[str, str], busybox: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NodeCluster]:
    cluster = NodeCluster(tmp_path_factory.mktemp("cluster"), binaries, machine)
    cluster.start()
    cluster.load(busybox)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def kubectl(cluster: NodeCluster) -> Kubectl:
    return cluster.kubectl
