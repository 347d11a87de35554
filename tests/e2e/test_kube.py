"""Parts of webhook/kube by themselves (tests/kube.c) against a real API server: following, leading, telling."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster import Cluster
from kube import Kube
from kubectl import Kubectl
from process import wait_until

NAMESPACE = "kube"
LEASES = ("get", "leases", "-n", NAMESPACE)
COMPONENT = "regionfit.io/component=replica"

Start = Callable[..., Kube]


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> Iterator[str]:
    kubectl("create", "namespace", NAMESPACE)
    yield NAMESPACE
    kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def start(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Start]:
    """Those that a test has not ended itself end with it."""
    started: list[Kube] = []

    def start(*arguments: str) -> Kube:
        started.append(Kube(tmp_path, cluster.kubeconfig, *arguments, name=f"kube{len(started)}"))
        return started[-1]

    yield start
    for kube in started:
        if kube.popen.poll() is None:
            kube.close()


def create(kubectl: Kubectl, *names: str) -> None:
    """In one go, with nothing in them."""
    maps = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in names]
    kubectl("create", "-n", NAMESPACE, "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": maps}))


def version(kubectl: Kubectl, name: str) -> str:
    return str(kubectl.read("get", "configmap", name, "-n", NAMESPACE)["metadata"]["resourceVersion"])


def lease(kubectl: Kubectl, name: str) -> Any:
    return kubectl.read(*LEASES, name)


def names(kubectl: Kubectl, *options: str) -> list[str]:
    return [item["metadata"]["name"] for item in kubectl.read(*LEASES, *options)["items"]]


def test_a_reflector_sees_what_was_there_and_what_changes(start: Start, kubectl: Kubectl) -> None:
    create(kubectl, "old")
    old = version(kubectl, "old")
    kube = start("follow", "/api/v1", "configmaps")
    kube.wait_line(f"item ConfigMap old {old}")
    wait_until("the list has ended", lambda: kube.lines("end"))
    create(kubectl, "new")
    kube.wait_line(f"ADDED ConfigMap new {version(kubectl, 'new')}")
    kubectl("label", "configmap", "new", "-n", NAMESPACE, "a=b")
    kube.wait_line(f"MODIFIED ConfigMap new {version(kubectl, 'new')}")
    kubectl("delete", "configmap", "new", "-n", NAMESPACE)
    wait_until("the deletion has come", lambda: kube.lines("DELETED"))
    assert kube.close() < 2


def test_a_reflector_reads_all_pages(start: Start, kubectl: Kubectl) -> None:
    created = [f"many-{i}" for i in range(600)]
    create(kubectl, *created)
    kube = start("follow", "/api/v1", "configmaps")
    wait_until("the list has ended", lambda: kube.lines("end"))
    listed = [line.split()[2] for line in kube.lines("item")]
    assert sorted(name for name in listed if name.startswith("many-")) == sorted(created)
    assert len(kube.lines("begin")) == 1


def test_a_reflector_follows_one_object(start: Start, kubectl: Kubectl) -> None:
    create(kubectl, "one", "other")
    kube = start("follow", "/api/v1", "configmaps", "one")
    kube.wait_line(f"item ConfigMap one {version(kubectl, 'one')}")
    wait_until("the list has ended", lambda: kube.lines("end"))
    kubectl("label", "configmap", "other", "-n", NAMESPACE, "a=b")
    kubectl("label", "configmap", "one", "-n", NAMESPACE, "a=b")
    kube.wait_line(f"MODIFIED ConfigMap one {version(kubectl, 'one')}")
    assert not [line for line in kube.lines() if " other " in line]


def test_a_reflector_goes_on_after_the_server_was_away(start: Start, kubectl: Kubectl, cluster: Cluster) -> None:
    kube = start("follow", "/api/v1", "configmaps")
    wait_until("the list has ended", lambda: kube.lines("end"))
    cluster.restart_apiserver()
    create(kubectl, "after")
    # A server that has just started knows no changes from before, and may ask for a list.
    name = f"ConfigMap after {version(kubectl, 'after')}"
    wait_until("it is seen", lambda: {f"ADDED {name}", f"item {name}"} & set(kube.lines()))


def test_a_lease_goes_from_one_to_the_other(start: Start, kubectl: Kubectl) -> None:
    first = start("lease", NAMESPACE, "orderly", "first")
    first.wait_line("held")
    second = start("lease", NAMESPACE, "orderly", "second")
    assert lease(kubectl, "orderly")["spec"]["holderIdentity"] == "first"
    first.close()
    second.wait_line("held", timeout=2)
    spec = lease(kubectl, "orderly")["spec"]
    assert (spec["holderIdentity"], spec["leaseTransitions"], spec["leaseDurationSeconds"]) == ("second", 1, 3)


def test_the_lease_of_one_that_died_is_taken_when_it_has_run_out(start: Start, kubectl: Kubectl) -> None:
    first = start("lease", NAMESPACE, "dead", "first")
    first.wait_line("held")
    second = start("lease", NAMESPACE, "dead", "second")
    time.sleep(1)
    assert not second.lines("held")
    died = time.monotonic()
    first.kill()
    second.wait_line("held")
    assert time.monotonic() - died > 2
    assert lease(kubectl, "dead")["spec"]["leaseTransitions"] == 1


def test_a_lease_is_kept_while_the_server_restarts(start: Start, kubectl: Kubectl, cluster: Cluster) -> None:
    kube = start("lease", NAMESPACE, "restart", "only")
    kube.wait_line("held")
    cluster.restart_apiserver()
    renewed = lease(kubectl, "restart")["spec"]["renewTime"]
    wait_until("it is renewed", lambda: lease(kubectl, "restart")["spec"]["renewTime"] > renewed)
    assert lease(kubectl, "restart")["spec"]["leaseTransitions"] == 0
    wait_until("it is held", lambda: kube.lines("held", "not")[-1] == "held")


def test_the_lease_of_a_replica_is_there_as_long_as_it_is(start: Start, kubectl: Kubectl) -> None:
    kube = start("replica", NAMESPACE, "one")
    wait_until("it is there", lambda: names(kubectl, "-l", COMPONENT) == ["one"])
    seen = lease(kubectl, "one")
    wait_until("it is renewed", lambda: lease(kubectl, "one")["spec"]["renewTime"] > seen["spec"]["renewTime"])
    later = lease(kubectl, "one")
    times = [int(item["metadata"]["annotations"]["regionfit.io/times"]) for item in (seen, later)]
    assert times[0] < times[1]
    kube.close()
    assert names(kubectl, "-l", COMPONENT) == []


def test_events_are_shown_and_counted(start: Start, kubectl: Kubectl) -> None:
    kube = start("event", NAMESPACE, "web-1", "nothing fits", "nothing fits", "no quota", "nothing fits")
    assert kube.popen.wait(20) == 0
    events = kubectl.read("get", "events", "-n", NAMESPACE, "--field-selector", "involvedObject.name=web-1")["items"]
    assert {(event["message"], event["count"]) for event in events} == {("nothing fits", 3), ("no quota", 1)}
    assert all(event["metadata"]["name"].startswith("web-1.") for event in events)
    shown = kubectl("get", "events", "-n", NAMESPACE)
    assert "Warning" in shown and "Tested" in shown and "pod/web-1" in shown
