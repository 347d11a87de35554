"""The account of the replicas may do what they do, and nothing else: the audit log of the session against the roles."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from api import PODS, Api
from certified import LONG, CertifiedReplicas, ca_of, certified_replicas, is_quiet, request
from live_cluster import NAMESPACE, LiveCluster
from objects import BEIJING, POLICIES, QUOTAS, Object, entries, pod, policy, quota, unit
from process import wait_until
from replicas import Replicas

Right = tuple[str, str, str, str]  # namespace ("" for a ClusterRole), API group, resource, verb


def granted(roles: list[Object]) -> set[Right]:
    return {
        (NAMESPACE if role["kind"] == "Role" else "", group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(audited: list[dict[str, Any]], namespaced: set[tuple[str, str]]) -> set[Right]:
    """The rights that the requests took, whatever became of them. What is no resource is told by its path."""
    found = set()
    for one in audited:
        reference = one.get("objectRef")
        if not reference or not reference.get("resource"):
            found.add(("", "", one["requestURI"].partition("?")[0], one["verb"]))
            continue
        resource = "/".join(part for part in (reference["resource"], reference.get("subresource")) if part)
        group = reference.get("apiGroup", "")
        namespace = reference.get("namespace", "") if (group, resource) in namespaced else ""
        found.add((namespace, group, resource, one["verb"]))
    return found


def test_the_audit_log_of_all_tests_has_every_right_that_is_granted_and_no_other(
    regionfit: Path, replicas: Replicas, live: LiveCluster, api: Api, tmp_path: Path
) -> None:
    use_every_right(replicas, api)
    with certified_replicas(regionfit, live, replicas, tmp_path) as certified:
        use_every_right_about_certificates(certified, api)
    roles = granted(live.roles())
    namespaced = {(group, resource) for namespace, group, resource, _ in roles if namespace}

    taken = used(live.audited(), namespaced)

    assert taken - roles == set(), "used, and not granted"
    assert roles - taken == set(), "granted, and not used"


def use_every_right(replicas: Replicas, api: Api) -> None:
    """So that this test stands alone, too: a ledger that is new, a status, events, leases that come and go."""
    api.post(QUOTAS, quota(BEIJING, GU8TF=1))
    api.post(POLICIES, policy("told", unit(BEIJING)))
    wait_until("there is a status", lambda: api.get(f"{QUOTAS}/{BEIJING}").get("status", {}).get("pools"))
    template = pod("told")
    template["metadata"] = {"labels": {"app": "told"}}
    spec = {"replicas": 4, "selector": {"matchLabels": {"app": "told"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "told"}, "spec": spec}
    api.post("/apis/apps/v1/namespaces/default/deployments", deployment)
    wait_until("a pod is placed", lambda: api.get(PODS)["items"])
    wait_until("its promise is kept", lambda: not entries(api))
    time.sleep(3)  # several pods are denied, and the second event of a workload changes the first
    replicas.all[0].stop()
    replicas.all[0].start()
    replicas.all[0].wait_ready()


def use_every_right_about_certificates(certified: CertifiedReplicas, api: Api) -> None:
    """A Secret that is new, and changes; a caBundle that does; and replicas that are asked what they serve."""
    before = ca_of(api)
    request(api, "rotate-ca")
    wait_until("the CA is another", lambda: ca_of(api) != before and is_quiet(certified, api), timeout=LONG)


AUDITED = {"verb": "list", "requestURI": "/api/v1/pods?limit=1", "objectRef": {"resource": "pods", "apiVersion": "v1"}}
LEASES = ("coordination.k8s.io", "leases")


@pytest.mark.parametrize(
    "change, right",
    [
        ({}, ("", "", "pods", "list")),
        ({"verb": "watch"}, ("", "", "pods", "watch")),
        ({"objectRef": {"resource": "events", "namespace": "some"}}, ("", "", "events", "list")),
        (
            {"objectRef": {"resource": "leases", "apiGroup": LEASES[0], "namespace": "some"}},
            ("some", *LEASES, "list"),
        ),
        (
            {"objectRef": {"resource": "regionquotas", "apiGroup": "regionfit.io", "subresource": "status"}},
            ("", "regionfit.io", "regionquotas/status", "list"),
        ),
        ({"objectRef": None, "requestURI": "/version?timeout=1s", "verb": "get"}, ("", "", "/version", "get")),
    ],
    ids=["a list", "a watch", "in any namespace", "in a role's namespace", "a subresource", "no resource"],
)
def test_an_audited_request_takes_a_right(change: dict[str, Any], right: Right) -> None:
    assert used([{**AUDITED, **change}], {LEASES}) == {right}
