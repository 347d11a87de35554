"""What a cluster of thousands of policies and pods holds: namespaces, policies, pods as regionfit has placed them for
Deployments, and reviews of more such pods, as the API server sends them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from objects import BEIJING, SERIES, Object, pod, policy, unit
from pods import REGION
from wrk import ID

REVIEW = Path(__file__).resolve().parent.parent / "data" / "reviews" / "deployment-policy.json"
NAMESPACES = 100
DEPLOYMENTS = 200
GPU_SERIES = "GU8TF"
TOLERATIONS = [
    {"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"},
    *(
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for key in ("not-ready", "unreachable")
    ),
]


def namespace(i: int) -> str:
    return f"team-{i % NAMESPACES}"


def namespaces() -> list[Object]:
    names = [namespace(i) for i in range(NAMESPACES)]
    return [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in names]


def policies(number: int) -> Iterator[tuple[str, Object]]:
    """Each in its namespace; policy i selects the pods of Deployment i, of which there are fewer."""
    for i in range(number):
        one = policy(f"app-{i}", unit(BEIJING), unit("cn-hangzhou", "L20", max=1000))
        one["metadata"]["namespace"] = namespace(i)
        yield f"/apis/scheduling.alibabacloud.com/v1alpha1/namespaces/{namespace(i)}/resourcepolicies", one


def owned(i: int) -> dict[str, Any]:
    """The metadata that the ReplicaSet of Deployment i gives its pods."""
    name = f"app-{i}-{0x5D4F8C7B9 + i:x}"
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": name,
        "uid": f"b5b34906-3e93-4718-bdf8-{i:012x}",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    labels = {"app": f"app-{i}", "pod-template-hash": name.rsplit("-", 1)[1], "team": namespace(i)}
    return {"generateName": f"{name}-", "namespace": namespace(i), "labels": labels, "ownerReferences": [owner]}


def placed_pods() -> Iterator[tuple[str, Object]]:
    """One of each Deployment; each stands for any number, as the API server names it and `wrk` its reservation."""
    for i in range(DEPLOYMENTS):
        selector = unit(BEIJING)["nodeSelector"]
        one = pod(f"app-{i}", schedulerName="none", nodeSelector=selector, tolerations=TOLERATIONS)
        one["metadata"] = owned(i)
        one["metadata"]["labels"].update({REGION: BEIJING, SERIES: GPU_SERIES, "alibabacloud.com/acs": "true"})
        placement = f"{namespace(i)}/app-{i}#0"
        one["metadata"]["annotations"] = {"regionfit.io/placement": placement, "regionfit.io/reservation": ID}
        yield f"/api/v1/namespaces/{namespace(i)}/pods", one


def reviews(dry_run: bool, deployments: int) -> Iterator[tuple[str, Object]]:
    """One for each Deployment: what kube-apiserver has sent for another, with its names."""
    real = json.loads(REVIEW.read_text())
    for i in range(deployments):
        review = copy.deepcopy(real)
        review["request"].update(namespace=namespace(i), dryRun=dry_run)
        review["request"]["object"]["metadata"].update(owned(i))
        yield "/mutate?timeout=10s", review
