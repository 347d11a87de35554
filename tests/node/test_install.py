"""From `helm install` to a workload on the virtual nodes, and back, with the values that the chart has by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from api import PODS, Api
from chart import NAMESPACE, RELEASE
from kubectl import Kubectl, KubectlError
from objects import BEIJING, HANGZHOU, Object, count_by_region, pod, pods_of, region_of
from process import wait_until
from release import SPREAD, STEADY, Release
from replica_pods import secret, wait_settled


@pytest.fixture(scope="module")
def release(not_installed: Release) -> Iterator[Release]:
    started = time.monotonic()
    not_installed.install()
    installed = time.monotonic()
    wait_until("a pod is placed", lambda: region_of(not_installed.api.post(PODS, pod(STEADY))))
    placed = time.monotonic()
    print(f"helm install: {installed - started:.1f} s; to the first placed pod: {placed - started:.1f} s")
    yield not_installed
    not_installed.uninstall_if_there()


def deployment(app: str, replicas: int) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": {"metadata": {"labels": {"app": app}}, "spec": pod(app)["spec"]},
        },
    }


def test_the_pods_of_a_deployment_run_where_their_policy_sends_them(
    release: Release, kubectl: Kubectl, api: Api
) -> None:
    wait_settled(kubectl)
    api.post("/apis/apps/v1/namespaces/default/deployments", deployment(SPREAD, 5))
    kubectl("rollout", "status", f"deployment/{SPREAD}", "--timeout=30s")
    pods = pods_of(api, SPREAD)
    assert count_by_region(pods) == {BEIJING: 2, HANGZHOU: 3}
    assert all(one["spec"]["nodeName"] == f"virtual-{region_of(one)}" for one in pods)


def test_helm_test_passes(release: Release) -> None:
    assert "Succeeded" in release("test", RELEASE, "--timeout=60s")


def test_an_upgrade_with_the_same_values_changes_no_object(release: Release, kubectl: Kubectl) -> None:
    wait_settled(kubectl)
    before, certificates = release.objects(), secret(kubectl)
    release.upgrade()
    after = release.objects()
    assert before.keys() == after.keys()
    changed = [key for key in before if before[key] != after[key]]
    assert not changed
    assert secret(kubectl) == certificates


def test_after_uninstall_pods_are_created_as_before_and_it_can_be_installed_again(
    release: Release, kubectl: Kubectl, api: Api
) -> None:
    made = release.objects()
    release.uninstall()
    assert "nodeSelector" not in api.post(PODS, pod(STEADY))["spec"]
    for kind, name in made:
        with pytest.raises(KubectlError, match="NotFound"):
            kubectl("get", kind, name, "-n", NAMESPACE)
    authority = secret(kubectl)["ca.crt"]
    release.install()
    wait_until("a pod is placed", lambda: region_of(api.post(PODS, pod(STEADY))))
    assert secret(kubectl)["ca.crt"] == authority
