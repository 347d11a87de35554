"""Fixtures: one cluster, and for each test a regionfit of its own, with its own policies and state; and one cluster in
which pods run, with three replicas of regionfit for all its tests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api import Api
from binaries import find_binaries
from cluster import TOP, Cluster
from kubectl import Kubectl, KubectlError
from live_cluster import LiveCluster
from objects import remove_all
from pods import DATA
from process import wait_until
from replicas import Replicas
from webhook import CONFIGURATION, Webhook

OTHER = "other"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the replicas were allowed is compared with what they did once they have done it all; and the API server of
    all is restarted once the others have no need of it any more.
    """
    last = ["test_replicas.py", "test_rbac.py"]
    items.sort(key=lambda item: last.index(item.path.name) if item.path.name in last else -1)


@pytest.fixture(scope="session")
def regionfit() -> Path:
    path = Path(os.environ.get("REGIONFIT") or TOP / "build" / "gcc" / "webhook" / "regionfit").resolve()
    if not path.exists():
        pytest.fail(f"there is no {path}: build it, or name it with REGIONFIT")
    return path


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"), find_binaries())
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    return cluster.kubectl


@pytest.fixture
def webhook(kubectl: Kubectl, regionfit: Path, tmp_path: Path) -> Iterator[Webhook]:
    """Registered, and known to be asked."""
    manifests = Path(shutil.copytree(DATA / "manifests", tmp_path / "manifests"))
    webhook = Webhook(regionfit, tmp_path, manifests)
    try:
        webhook.start()
        webhook.register(kubectl)
        yield webhook
    finally:
        wait_until("nothing is left", lambda: is_clean(kubectl))
        webhook.unregister(kubectl)
        webhook.stop()


@pytest.fixture
def other_namespace(webhook: Webhook, kubectl: Kubectl) -> Iterator[str]:
    """A namespace that has no policy."""
    assert webhook.process
    kubectl("create", "namespace", OTHER)
    wait_until("pods can be created", lambda: kubectl("get", "serviceaccounts", "-n", OTHER, "-o", "name"))
    yield OTHER
    kubectl("delete", "namespace", OTHER, "--ignore-not-found")


def is_clean(kubectl: Kubectl) -> bool:
    """Leaves no pod behind, and nobody who makes new ones. A webhook that does not answer would be in the way."""
    kubectl("delete", "deployments,jobs", "--all", "--cascade=foreground", "--wait=false")
    try:
        for pod in kubectl("get", "pods", "-o", "name", "--field-selector", "metadata.name=held").split():
            kubectl("patch", pod, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
        kubectl("delete", "pods", "--all", "--wait=false", "--grace-period=0", "--force")
    except KubectlError:
        kubectl("delete", "--ignore-not-found", CONFIGURATION)
        return False
    return not kubectl.read("get", "deployments,replicasets,jobs,pods")["items"]


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveCluster]:
    cluster = LiveCluster(tmp_path_factory.mktemp("live"), find_binaries("helm"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def api(live: LiveCluster) -> Iterator[Api]:
    """As its admin. Nothing of a test is left for the next one."""
    live.recover()
    api = Api(live)
    yield api
    wait_until("nothing is left", lambda: remove_all(api), timeout=60, pause=0.5)
    api.forget()


@pytest.fixture(scope="session")
def shared_replicas(regionfit: Path, live: LiveCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """An API server that waits for 5 s lets no request live for longer than the promises to it."""
    folder = tmp_path_factory.mktemp("replicas")
    options = ["--kubeconfig", str(live.write_account_kubeconfig()), "--ledger-ttl", "10s"]
    replicas = Replicas(regionfit, live, folder, 3, *options, timeout=5)
    replicas.start()
    yield replicas
    replicas.stop()


@pytest.fixture
def replicas(shared_replicas: Replicas, api: Api) -> Replicas:
    """Three, all of them ready, whatever a test before has done to them."""
    assert api
    shared_replicas.resume()
    return shared_replicas


@pytest.fixture
def alone(regionfit: Path, live: LiveCluster, replicas: Replicas, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Call it with options of serve, for one replica that has them and takes the place of the three."""
    started: list[Replicas] = []

    def start(*options: str) -> None:
        for replica in replicas.all:
            replica.stop()
        account = ["--kubeconfig", str(live.write_account_kubeconfig())]
        started.append(Replicas(regionfit, live, tmp_path, 1, *account, *options))
        started[0].start()

    yield start
    for one in started:
        one.stop()
    replicas.resume()
    replicas.register()
