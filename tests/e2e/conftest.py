"""Fixtures: a cluster per module, and for each test a regionfit of its own, with its own policies and state."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import TOP, BinariesMissingError, Cluster, KubectlError, find_binaries
from process import wait_until
from webhook import Webhook

DATA = Path(__file__).resolve().parent / "data"


@pytest.fixture(scope="session")
def binaries() -> dict[str, str]:
    try:
        return find_binaries()
    except BinariesMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def regionfit() -> Path:
    path = Path(os.environ.get("REGIONFIT") or TOP / "build" / "regionfit").resolve()
    if not path.exists():
        pytest.fail(f"there is no {path}: build it, or name it with REGIONFIT")
    return path


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, binaries: dict[str, str]) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), binaries)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def webhook(cluster: Cluster, regionfit: Path, tmp_path: Path) -> Iterator[Webhook]:
    """Registered, and known to be asked."""
    manifests = Path(shutil.copytree(DATA / "manifests", tmp_path / "manifests"))
    webhook = Webhook(regionfit, tmp_path, manifests)
    try:
        webhook.start()
        webhook.register(cluster)
        wait_until("the API server asks the webhook", lambda: is_asked(cluster))
        yield webhook
    finally:
        clean(cluster)
        webhook.unregister(cluster)
        webhook.stop()


def is_asked(cluster: Cluster) -> bool:
    """The API server reads a registration some time after it has stored it."""
    try:
        pod = cluster.read("create", "--dry-run=server", "-f", str(DATA / "pod.yaml"))
    except KubectlError:
        return False
    return "regionfit.io/placement" in pod["metadata"].get("annotations", {})


def clean(cluster: Cluster) -> None:
    """Leaves no pod behind, and nobody who makes new ones. A webhook that does not answer would be in the way."""
    wait_until("pods can be deleted", lambda: try_clean(cluster))


def try_clean(cluster: Cluster) -> bool:
    cluster.kubectl("delete", "deployments", "--all", "--cascade=foreground", "--wait=false")
    try:
        cluster.kubectl("delete", "pods", "--all", "--wait=false")
    except KubectlError:
        cluster.kubectl("delete", "--ignore-not-found", "mutatingwebhookconfiguration/regionfit")
        return False
    return not cluster.read("get", "deployments,replicasets,pods")["items"]
