"""What tests do to pods, and how they look at them: the manifests of data/, and what regionfit made of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from kubectl import Kubectl, KubectlError
from process import wait_until

DATA = Path(__file__).resolve().parent / "data"
BEIJING, HANGZHOU = "cn-beijing", "cn-hangzhou"
REGION = "alibabacloud.com/serverless-region-id"
RESERVATION, PLACEMENT = "regionfit.io/reservation", "regionfit.io/placement"

# What each region has left, of how much, as data/manifests/quotas.yaml has it.
FREE = {BEIJING: (2, 2), HANGZHOU: (3, 3)}
FULL = {BEIJING: (0, 2), HANGZHOU: (0, 3)}

Pod = dict[str, Any]


def create(kubectl: Kubectl, name: str, *options: str) -> Pod:
    """Creates what data/`name` has; returns it as it was stored."""
    return kubectl.read("create", "-f", str(DATA / name), *options)


def name_of(pod: Pod) -> str:
    return pod["metadata"]["name"]


def delete(kubectl: Kubectl, pod: Pod, *options: str) -> None:
    kubectl("delete", "pod", name_of(pod), *options)


def patch(kubectl: Kubectl, pod: Pod, change: str, *options: str) -> None:
    kubectl("patch", "pod", name_of(pod), "--type=merge", "-p", change, *options)


def finish(kubectl: Kubectl, pod: Pod, phase: str = "Succeeded") -> None:
    """As the kubelet reports the end of a pod's containers."""
    patch(kubectl, pod, f'{{"status": {{"phase": "{phase}"}}}}', "--subresource=status")


def bind(kubectl: Kubectl, pod: Pod) -> None:
    """As a scheduler does; nobody will ever run the pod, for there is no such node."""
    binding = f'{{"apiVersion": "v1", "kind": "Binding", "metadata": {{"name": "{name_of(pod)}"}}, '
    binding += '"target": {"kind": "Node", "name": "nowhere"}}'
    kubectl("create", "--raw", f"/api/v1/namespaces/default/pods/{name_of(pod)}/binding", "-f", "-", text=binding)


def remaining(kubectl: Kubectl) -> dict[str, tuple[int, int]]:
    """What each region has left, of how much: as a pod is told that fits nowhere. Asking reserves nothing."""
    with pytest.raises(KubectlError) as caught:
        create(kubectl, "pod-too-large.yaml", "--dry-run=server")
    verdicts = re.findall(r"(cn-\w+)/GU8TF: full: 100 GPUs wanted, (\d+) of (\d+)", str(caught.value))
    return {region: (int(rest), int(limit)) for region, rest, limit in verdicts}


def pods(kubectl: Kubectl, app: str = "inference") -> list[Pod]:
    return kubectl.read("get", "pods", "-l", f"app={app}")["items"]


def by_region(items: list[Pod]) -> dict[str, list[Pod]]:
    return {
        region: [pod for pod in items if pod["metadata"]["labels"].get(REGION) == region]
        for region in (BEIJING, HANGZHOU)
    }


def counts(items: list[Pod]) -> dict[str, int]:
    return {region: len(placed) for region, placed in by_region(items).items()}


def refusals_of_replica_set(kubectl: Kubectl) -> list[str]:
    """The messages of the FailedCreate events of the ReplicaSet that there is now."""
    uids = {one["metadata"]["uid"] for one in kubectl.read("get", "replicasets")["items"]}
    events = kubectl.read("get", "events", "--field-selector", "reason=FailedCreate")["items"]
    return [event["message"] for event in events if event["involvedObject"].get("uid") in uids]


def wait_for(kubectl: Kubectl, number: int, app: str = "inference") -> list[Pod]:
    """The pods, once there are so many (at least one)."""

    def all_there() -> list[Pod]:
        items = pods(kubectl, app)
        return items if len(items) == number else []

    return wait_until(f"{number} pods of {app} are stored", all_there)


def wait_gone(kubectl: Kubectl, app: str = "inference") -> None:
    wait_until(f"the pods of {app} are gone", lambda: not pods(kubectl, app))


def fill(kubectl: Kubectl) -> list[Pod]:
    """Creates the Deployment of six; returns the five pods that are stored, once the sixth has been refused."""
    create(kubectl, "deployment.yaml")
    wait_until("the sixth pod is refused", lambda: refusals_of_replica_set(kubectl))
    return wait_for(kubectl, 5)
