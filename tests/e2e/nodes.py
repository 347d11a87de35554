"""Nodes that kwok plays: a region's virtual node, as ACK One has it, and real ones with GPUs."""

from __future__ import annotations

from typing import Any

import yaml

from kubectl import Kubectl
from process import wait_until

PLAYED = "kwok.x-k8s.io/node"
Node = dict[str, Any]


def node(name: str, gpus: int, labels: dict[str, str]) -> Node:
    capacity = {"cpu": "10000", "memory": "100Ti", "pods": "100000", "nvidia.com/gpu": str(gpus)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, **labels},
            "annotations": {PLAYED: "fake", "node.alpha.kubernetes.io/ttl": "0"},
        },
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def virtual_node(name: str, region: str, gpus: int = 100000) -> Node:
    """Only pods that tolerate it go there."""
    made = node(name, gpus, {"type": "virtual-kubelet", "topology.kubernetes.io/region": region})
    made["spec"] = {"taints": [{"key": "virtual-kubelet.io/provider", "value": "acs", "effect": "NoSchedule"}]}
    return made


def create_nodes(kubectl: Kubectl, *nodes: Node) -> None:
    """Returns once pods can be scheduled on them."""
    kubectl("create", "-f", "-", text="\n---\n".join(yaml.safe_dump(one) for one in nodes))
    names = [one["metadata"]["name"] for one in nodes]
    wait_until(f"the nodes {names} are ready", lambda: all(is_ready(kubectl, name) for name in names))


def is_ready(kubectl: Kubectl, name: str) -> bool:
    found = kubectl.read("get", "node", name)
    conditions = found["status"].get("conditions", [])
    tainted = any(taint["key"].startswith("node.kubernetes.io/") for taint in found["spec"].get("taints", []))
    return not tainted and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
