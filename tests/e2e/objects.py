"""The objects that tests of a live cluster create, and where the API server keeps them."""

from __future__ import annotations

from typing import Any

from api import PODS, Api, ApiError
from live_cluster import REGIONS
from pods import REGION

BEIJING, HANGZHOU = REGIONS
ACS = "alibabacloud.com/acs"
SERIES = "alibabacloud.com/gpu-model-series"
QUOTAS = "/apis/regionfit.io/v1alpha1/regionquotas"
LEDGER = "/apis/regionfit.io/v1alpha1/reservationledgers/regionfit"
POLICIES = "/apis/scheduling.alibabacloud.com/v1alpha1/namespaces/default/resourcepolicies"
NAMESPACED = [PODS, POLICIES, "/api/v1/namespaces/default/resourcequotas"]

Object = dict[str, Any]


def quota(region: str, **gpus: int) -> Object:
    """The limit of each series; that of every other one is `others`."""
    pools = [{"gpuModelSeries": "*" if series == "others" else series, "gpus": gpus[series]} for series in gpus]
    return {
        "apiVersion": "regionfit.io/v1alpha1",
        "kind": "RegionQuota",
        "metadata": {"name": region},
        "spec": {"pools": pools},
    }


def unit(region: str, series: str = "GU8TF", **more: Any) -> Object:
    """A virtual node's."""
    return {
        "resource": "acs",
        "podLabels": {REGION: region, SERIES: series},
        "nodeSelector": {"type": "virtual-kubelet", "topology.kubernetes.io/region": region},
        **more,
    }


def policy(app: str, *units: Object, strategy: str = "required", **more: Any) -> Object:
    """For the pods with this label "app", and named after it."""
    return {
        "apiVersion": "scheduling.alibabacloud.com/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": {"name": app, "namespace": "default"},
        "spec": {"selector": {"app": app}, "strategy": strategy, "units": list(units), **more},
    }


def pod(app: str, name: str = "", gpus: int = 1, labels: dict[str, str] | None = None, **spec: Any) -> Object:
    """One that the API server names where `name` is empty."""
    limits = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **({"name": name} if name else {"generateName": f"{app}-"}),
            "namespace": "default",
            "labels": {"app": app, **(labels or {})},
        },
        "spec": {
            "containers": [{"name": "server", "image": "server", "resources": {"limits": limits}}],
            "terminationGracePeriodSeconds": 0,
            **spec,
        },
    }


def static_pod(region: str, app: str = "static", name: str = "", gpus: int = 1, series: str = "GU8TF") -> Object:
    """One that names its own region, and has all that the region's unit would add."""
    toleration = {"key": "virtual-kubelet.io/provider", "operator": "Exists"}
    labels = {ACS: "true", REGION: region, SERIES: series}
    node_selector = unit(region)["nodeSelector"]
    return pod(app, name, gpus, labels, tolerations=[toleration], nodeSelector=node_selector)


def pods_of(api: Api, app: str) -> list[Object]:
    return api.get(PODS, labelSelector=f"app={app}")["items"]


def region_of(stored: Object) -> str:
    return stored["metadata"].get("labels", {}).get(REGION, "")


def count_by_region(stored: list[Object]) -> dict[str, int]:
    return {region: sum(region_of(one) == region for one in stored) for region in REGIONS}


def pools(api: Api, region: str) -> dict[str, dict[str, int]]:
    """What the status of the region's quota says of each series."""
    listed = api.get(f"{QUOTAS}/{region}").get("status", {}).get("pools", [])
    return {pool.pop("gpuModelSeries"): pool for pool in listed}


def entries(api: Api) -> list[Object]:
    """What is promised, and not yet seen as pods."""
    return api.get(LEDGER)["spec"].get("entries", [])


def remove_all(api: Api) -> bool:
    """True once nothing of the tests is left, and nothing is promised any more."""
    api.delete("/apis/apps/v1/namespaces/default/deployments")
    for one in api.get(PODS)["items"]:
        if one["metadata"].get("finalizers"):
            api.merge(f"{PODS}/{one['metadata']['name']}", {"metadata": {"finalizers": None}})
    for path in [*NAMESPACED, QUOTAS]:
        api.delete(path, gracePeriodSeconds="0")
    left = [item for path in [*NAMESPACED, QUOTAS] for item in api.get(path)["items"]]
    try:
        return not left and not entries(api)
    except ApiError as error:
        return error.status == 404
