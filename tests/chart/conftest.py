"""Fixtures: both helms; and one API server that knows the chart's definitions, and those of what it works with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "e2e"))

from binaries import find_binaries, find_programs
from chart import CHART, NAMESPACE
from cluster import Cluster
from foreign import find_definitions
from kubectl import Kubectl

HELMS = ["helm", "helm3"]


@pytest.fixture(scope="session")
def programs() -> dict[str, str]:
    return find_programs(*HELMS)


@pytest.fixture(scope="session")
def helm(programs: dict[str, str]) -> str:
    """The newest."""
    return programs["helm"]


@pytest.fixture(scope="session")
def helm3(programs: dict[str, str]) -> str:
    return programs["helm3"]


@pytest.fixture(params=HELMS)
def any_helm(request: pytest.FixtureRequest, programs: dict[str, str]) -> str:
    return programs[request.param]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), find_binaries())
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    """Of a cluster with the namespace that the chart is installed in, which lets restricted pods alone in."""
    kubectl = cluster.kubectl
    kubectl("apply", "--server-side", "-f", str(CHART / "crds"), *(f"-f={path}" for path in find_definitions()))
    kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
    kubectl("create", "namespace", NAMESPACE)
    kubectl("label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted")
    return kubectl
