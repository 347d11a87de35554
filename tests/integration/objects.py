"""Policies, quotas, pods and reviews as the tests write them: plain JSON, short where the case does not care."""

from __future__ import annotations

import base64
import copy
import json
import uuid
from typing import Any

import jsonpatch

from binary import TOP

Object = dict[str, Any]

REVIEWS = TOP / "tests" / "data" / "reviews"
BEIJING, HANGZHOU = "cn-beijing", "cn-hangzhou"

ACS = "alibabacloud.com/acs"
REGION = "alibabacloud.com/serverless-region-id"
SERIES = "alibabacloud.com/gpu-model-series"
COMPUTE_CLASS = "alibabacloud.com/compute-class"
RESERVATION = "regionfit.io/reservation"
PLACEMENT = "regionfit.io/placement"
VIRTUAL_NODE = {"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}


def quota(region: str, **pools: int) -> Object:
    """The pool of every other series is written `others`."""
    listed = [{"gpuModelSeries": "*" if name == "others" else name, "gpus": gpus} for name, gpus in pools.items()]
    return {
        "apiVersion": "regionfit.io/v1alpha1",
        "kind": "RegionQuota",
        "metadata": {"name": region},
        "spec": {"pools": listed},
    }


def unit(region: str, series: str = "GU8TF", **fields: Any) -> Object:
    return {"resource": "acs", "podLabels": {REGION: region, SERIES: series}, **fields}


def policy(*units: Object, name: str = "fit", annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    """Selects app=demo and refuses what does not fit, unless `spec` says otherwise."""
    return {
        "apiVersion": "scheduling.alibabacloud.com/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": {"name": name, "namespace": "default", **({"annotations": annotations} if annotations else {})},
        "spec": {"selector": {"app": "demo"}, "strategy": "required", "units": list(units), **spec},
    }


def pool(gpus: int) -> list[Object]:
    """The simplest of worlds: one policy of one unit, and one pool."""
    return [policy(unit(BEIJING)), quota(BEIJING, GU8TF=gpus)]


def container(gpus: int, name: str = "main") -> Object:
    resources = {"nvidia.com/gpu": str(gpus)}
    return {"name": name, "image": "demo", "resources": {"limits": resources, "requests": resources} if gpus else {}}


def pod(gpus: int = 1, spec: Object | None = None, **metadata: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "demo", "namespace": "default", "labels": {"app": "demo"}, **metadata},
        "spec": {"containers": [container(gpus)], **(spec or {})},
    }


def review(operation: str, created: Object | None, old: Object | None = None, **request: Any) -> Object:
    name = (created or old or {}).get("metadata", {}).get("name", "")
    pods = {"group": "", "version": "v1"}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": str(uuid.uuid4()),
            "kind": {**pods, "kind": "Pod"},
            "resource": {**pods, "resource": "pods"},
            "namespace": "default",
            "name": name,
            "operation": operation,
            "object": created,
            "oldObject": old,
            "dryRun": False,
            **request,
        },
    }


def creation(created: Object, **request: Any) -> Object:
    return review("CREATE", created, **request)


def deletion(stored: Object, **request: Any) -> Object:
    """The API server's first question: somebody wants the pod gone."""
    return review("DELETE", None, stored, **request)


def removal(stored: Object, **request: Any) -> Object:
    """Its last one: the pod's containers have ended, and the object goes."""
    return review("DELETE", None, terminating(stored, grace=0), **request)


def update(before: Object, after: Object, **request: Any) -> Object:
    return review("UPDATE", after, before, **request)


def finished(stored: Object, phase: str) -> Object:
    return {**copy.deepcopy(stored), "status": {"phase": phase}}


def terminating(stored: Object, grace: int) -> Object:
    leaving = copy.deepcopy(stored)
    leaving["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=grace)
    return leaving


def real(name: str) -> Object:
    """A review that a kube-apiserver sent, under a uid of its own."""
    document = json.loads((REVIEWS / name).read_text())
    document["request"]["uid"] = str(uuid.uuid4())
    return document


def patch_of(response: Object) -> list[Object]:
    return json.loads(base64.b64decode(response["patch"], validate=True)) if "patch" in response else []


def stored_as(created: Object, response: Object) -> Object:
    """The pod as the API server stores it: the patch applied by somebody else's RFC 6902."""
    return jsonpatch.apply_patch(copy.deepcopy(created), patch_of(response))


def reservation_of(stored: Object) -> str:
    return stored["metadata"].get("annotations", {}).get(RESERVATION, "")
