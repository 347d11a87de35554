"""A release's life on an API server, without nodes: what an upgrade changes, and what is left in the end."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from chart import CHART, NAMESPACE, RELEASE, render, run_helm
from cluster import Cluster
from kubectl import Kubectl
from process import wait_until
from sets import EVERYTHING
from tables import nest

VALUES = {**EVERYTHING, "serviceAccount.create": True}
BUNDLE = base64.b64encode(b"some CAs").decode()
CONFIGURATION = "mutatingwebhookconfiguration/regionfit-gpus"

Run = Callable[..., str]


@pytest.fixture
def run(any_helm: str, cluster: Cluster, kubectl: Kubectl) -> Iterator[Run]:
    """helm, about the release in the cluster, which exists."""
    assert kubectl("get", "namespace", NAMESPACE)

    def run_here(verb: str, values: Any = None) -> str:
        chart = [] if verb == "uninstall" else [str(CHART)]
        where = ["--kubeconfig", str(cluster.kubeconfig), "--namespace", NAMESPACE]
        return run_helm(any_helm, verb, RELEASE, *chart, *where, values=values)

    run_here("install", nest(VALUES))
    yield run_here
    if kubectl("get", CONFIGURATION, "--ignore-not-found", "-o", "name"):
        run_here("uninstall")


def versions(kubectl: Kubectl, helm: str) -> dict[str, str]:
    """The resourceVersion of each object of the release that is there."""
    objects = render(helm, "--no-hooks", values=nest(VALUES))
    found = json.loads(
        kubectl("get", "--ignore-not-found", "-o", "json", "-f", "-", text=yaml.safe_dump_all(objects)) or "{}"
    )
    return {
        f"{one['kind']} {one['metadata']['name']}": one["metadata"]["resourceVersion"] for one in found.get("items", [])
    }


def settled(kubectl: Kubectl, helm: str) -> dict[str, str]:
    """Once controllers have written all status that they write."""
    seen: list[dict[str, str]] = [{}, {}, {}]

    def unchanged() -> bool:
        seen.append(versions(kubectl, helm))
        return bool(seen[-1]) and all(one == seen[-1] for one in seen[-3:])

    wait_until("nothing changes any more", unchanged, pause=0.5)
    return seen[-1]


def register(kubectl: Kubectl) -> None:
    """As regionfit does."""
    entry = {"name": "placement.regionfit.io", "clientConfig": {"caBundle": BUNDLE}}
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "regionfit-gpus"},
        "webhooks": [entry],
    }
    apply = ["apply", "--server-side", "--field-manager=regionfit", "--validate=false", "-f", "-"]
    kubectl(*apply, text=yaml.safe_dump(body))


def registered(kubectl: Kubectl) -> Any:
    return kubectl.read("get", CONFIGURATION)["webhooks"][0]


def test_an_upgrade_with_the_same_values_changes_no_object(run: Run, helm: str, kubectl: Kubectl) -> None:
    register(kubectl)
    before = settled(kubectl, helm)
    assert len(before) == len(render(helm, "--no-hooks", values=nest(VALUES)))

    run("upgrade", nest(VALUES))

    assert settled(kubectl, helm) == before


def test_an_upgrade_leaves_the_registered_cas_alone(run: Run, kubectl: Kubectl) -> None:
    register(kubectl)
    run("upgrade", nest({**VALUES, "webhook.timeoutSeconds": 7}))

    assert registered(kubectl)["timeoutSeconds"] == 7
    assert registered(kubectl)["clientConfig"]["caBundle"] == BUNDLE


def test_nothing_is_left_but_the_definitions(run: Run, helm: str, kubectl: Kubectl) -> None:
    register(kubectl)
    run("uninstall")

    wait_until("nothing is left", lambda: not versions(kubectl, helm))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "some", "labels": {"regionfit.io/enabled": "true"}}}
    pod["spec"] = {"containers": [{"name": "server", "image": "server"}]}
    assert kubectl("create", "--dry-run=server", "-n", "default", "-f", "-", text=yaml.safe_dump(pod))
    assert kubectl("get", "crd", "regionquotas.regionfit.io", "resourcepolicies.scheduling.alibabacloud.com")
