"""What the definitions of regionfit's objects refuse, explain and show."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from api import Api
from kubectl import Kubectl, KubectlError
from live_cluster import LiveCluster
from objects import BEIJING, HANGZHOU, QUOTAS, Object, policy, quota, unit

DRY_RUN = ["create", "--dry-run=server", "-f", "-"]
ID = "0123456789abcdef" * 2
ENTRY = {"id": ID, "namespace": "default", "region": BEIJING, "series": "GU8TF", "placement": "default/inference#0"}
ENTRY |= {
    "counts": ["unit default/inference#0,a"],
    "credit": True,
    "gpus": 4,
    "pods": 2,
    "resources": {"cpu": "4", "nvidia.com/gpu": 4},
}


@pytest.fixture
def kubectl(live: LiveCluster) -> Kubectl:
    return live.kubectl


def ledger(**spec: Any) -> Object:
    return {
        "apiVersion": "regionfit.io/v1alpha1",
        "kind": "ReservationLedger",
        "metadata": {"name": "some"},
        "spec": {"open": True, "fence": "12", "quotas": "3", "entries": [], **spec},
    }


def changed(value: Any, path: str, new: Any) -> Any:
    """A copy with `new` at the dotted path; None there takes the field away."""
    copied = copy.deepcopy(value)
    *way, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    at = copied
    for key in way:
        at = at[key]
    if new is None:
        del at[last]
    else:
        at[last] = new
    return copied


QUOTA = quota(BEIJING, GU8TF=16, others=4)
POLICY = policy("inference", unit(BEIJING, max=2, maxResources={"cpu": "1500m", "nvidia.com/gpu": 8}), unit(HANGZHOU))
EXPRESSION = {"key": "tier", "operator": "In", "values": ["a"]}
LEDGER = ledger(entries=[ENTRY])

GOOD = {
    "a quota": QUOTA,
    "a quota of a named region": changed(QUOTA, "spec.region", "cn-beijing"),
    "a quota that offers nothing": changed(QUOTA, "spec.pools", []),
    "a pool of no GPUs": changed(QUOTA, "spec.pools.0.gpus", 0),
    "a policy": POLICY,
    "a policy for every pod": changed(POLICY, "spec.selector", None),
    "a selector as Deployments have it": changed(
        POLICY, "spec.selector", {"matchLabels": {"app": "a"}, "matchExpressions": [EXPRESSION]}
    ),
    "conditions beside the selector": changed(
        POLICY, "spec.matchExpressions", [EXPRESSION, {"key": "b", "operator": "Exists"}]
    ),
    "a max of 0": changed(POLICY, "spec.units.0.max", 0),
    "a spelling of the vendor's": changed(
        POLICY, "spec.whenTryNextUnits", {"policy": "LackResourceAndNoterminating", "timeout": "1m30s"}
    ),
    "a unit of real nodes": changed(POLICY, "spec.units.0", {"resource": "ecs", "nodeSelector": {"pool": "a"}}),
    "a ledger": LEDGER,
    "an empty ledger": ledger(),
    "a closed ledger that has seen nothing": {**ledger(), "spec": {"open": False}},
}

BAD = {
    "negative GPUs": (changed(QUOTA, "spec.pools.0.gpus", -1), "should be greater than or equal to 0"),
    "half a GPU": (changed(QUOTA, "spec.pools.0.gpus", 0.5), "must be of type integer"),
    "no number of GPUs": (changed(QUOTA, "spec.pools.0.gpus", None), "gpus: Required value"),
    "a series given twice": (changed(QUOTA, "spec.pools.1.gpuModelSeries", "GU8TF"), "Duplicate value"),
    "an empty series": (changed(QUOTA, "spec.pools.0.gpuModelSeries", ""), "should be at least 1 chars long"),
    "a series that no label can have": (changed(QUOTA, "spec.pools.0.gpuModelSeries", "A 10"), "should match"),
    "a region that no label can have": (changed(QUOTA, "spec.region", "cn beijing"), "should match"),
    "no pools": (changed(QUOTA, "spec.pools", None), "pools: Required value"),
    "a field that quotas do not have": (changed(QUOTA, "spec.limits", 3), 'unknown field "spec.limits"'),
    "no units": (changed(POLICY, "spec.units", None), "units: Required value"),
    "an empty unit list": (changed(POLICY, "spec.units", []), "should have at least 1 items"),
    "a unit of an unknown kind": (
        changed(POLICY, "spec.units.0.resource", "gcp"),
        'supported values: "acs", "eci", "ecs", "elastic"',
    ),
    "a unit of no kind": (changed(POLICY, "spec.units.0.resource", None), "resource: Required value"),
    "a negative max": (changed(POLICY, "spec.units.0.max", -1), "should be greater than or equal to 0"),
    "a negative resource": (
        changed(POLICY, "spec.units.0.maxResources.cpu", "-1"),
        "must be quantities, and none of them negative",
    ),
    "a negative number of a resource": (changed(POLICY, "spec.units.0.maxResources.cpu", -1), "must be quantities"),
    "a resource that is no quantity": (changed(POLICY, "spec.units.0.maxResources.cpu", "many"), "must be quantities"),
    "an unknown strategy": (changed(POLICY, "spec.strategy", "best"), 'supported values: "prefer", "required"'),
    "an unknown operator": (
        changed(POLICY, "spec.matchExpressions", [{"key": "a", "operator": "Gt", "values": ["1"]}]),
        'supported values: "In", "NotIn", "Exists", "DoesNotExist"',
    ),
    "In without values": (
        changed(POLICY, "spec.matchExpressions", [{"key": "a", "operator": "In"}]),
        "need at least one value",
    ),
    "Exists with values": (
        changed(POLICY, "spec.matchExpressions", [{"key": "a", "operator": "Exists", "values": ["1"]}]),
        "must have none",
    ),
    "an unknown time to preempt": (changed(POLICY, "spec.preemptPolicy", "Never"), "supported values"),
    "an unknown reason to go on": (changed(POLICY, "spec.whenTryNextUnits", {"policy": "Always"}), "supported values"),
    "a time-out that is none": (changed(POLICY, "spec.whenTryNextUnits", {"timeout": "soon"}), "should match"),
    "an id that is none": (changed(LEDGER, "spec.entries.0.id", "g" * 32), "should match"),
    "a short id": (changed(LEDGER, "spec.entries.0.id", ID[1:]), "should match"),
    "negative GPUs of an entry": (changed(LEDGER, "spec.entries.0.gpus", -1), "should be greater than or equal to 0"),
    "a fence that is no version": (changed(LEDGER, "spec.fence", "x1"), "should match"),
    "a ledger that is neither open nor closed": ({**ledger(), "spec": {}}, "open: Required value"),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_api_server_takes(kubectl: Kubectl, name: str) -> None:
    stored = kubectl.read(*DRY_RUN, text=json.dumps(GOOD[name]))

    assert stored["spec"] == GOOD[name]["spec"], "and nothing of it is lost"


@pytest.mark.parametrize("name", BAD)
def test_the_api_server_refuses(kubectl: Kubectl, name: str) -> None:
    value, message = BAD[name]

    with pytest.raises(KubectlError) as caught:
        kubectl(*DRY_RUN, text=json.dumps(value))
    assert message in str(caught.value)


def test_what_a_policy_has_that_is_not_described_is_kept(kubectl: Kubectl) -> None:
    value = changed(POLICY, "spec.vendorField", {"a": [1]})
    value["spec"]["units"][0]["spotInstance"] = True

    stored = kubectl.read(*DRY_RUN, text=json.dumps(value))
    assert stored["spec"]["vendorField"] == {"a": [1]}
    assert stored["spec"]["units"][0]["spotInstance"] is True


@pytest.mark.parametrize(
    "path, words",
    [
        ("regionquota", "how many GPUs of which model series a region may give"),
        ("regionquota.spec.pools.gpus", "How many GPUs the live pods of the region and series may hold together"),
        ("regionquota.status.pools.remaining", "limit - used - reserved"),
        ("resourcepolicy.spec.units", "One place, its limits"),
        ("resourcepolicy.spec.strategy", "What becomes of a pod that no unit has room for"),
        ("reservationledger.spec.entries.id", "the annotation regionfit.io/reservation of the pods"),
    ],
)
def test_kubectl_explain_says_what_it_is(kubectl: Kubectl, path: str, words: str) -> None:
    assert words in " ".join(kubectl("explain", path).split())


@pytest.mark.parametrize(
    "kind",
    ["regionquotas.regionfit.io", "reservationledgers.regionfit.io", "resourcepolicies.scheduling.alibabacloud.com"],
)
def test_every_field_is_described(kubectl: Kubectl, kind: str) -> None:
    (version,) = kubectl.read("get", "crd", kind)["spec"]["versions"]

    assert not list(undescribed(version["schema"]["openAPIV3Schema"], kind))


def undescribed(schema: Object, path: str) -> list[str]:
    found = []
    for name, field in schema.get("properties", {}).items():
        if name in ("apiVersion", "kind", "metadata"):
            continue
        if "description" not in field:
            found.append(f"{path}.{name}")
        found += undescribed(field, f"{path}.{name}")
        found += undescribed(field.get("items", {}), f"{path}.{name}[]")
    return found


def test_kubectl_get_shows_every_pool_of_a_quota_in_its_columns(kubectl: Kubectl, api: Api) -> None:
    api.post(QUOTAS, QUOTA)
    status = {
        "region": BEIJING,
        "series": "GU8TF,*",
        "limit": "16,4",
        "used": "3,0",
        "reserved": "1,0",
        "remaining": "12,4",
    }
    api.merge(f"{QUOTAS}/{BEIJING}/status", {"status": status})

    header, line = kubectl("get", "regionquotas").splitlines()
    assert header.split() == ["NAME", "REGION", "SERIES", "LIMIT", "USED", "RESERVED", "REMAINING", "AGE"]
    assert line.split()[:-1] == [BEIJING, BEIJING, "GU8TF,*", "16,4", "3,0", "1,0", "12,4"]


def test_a_status_is_not_written_with_the_spec(api: Api) -> None:
    written = api.post(QUOTAS, {**QUOTA, "status": {"series": "forged"}})
    assert "status" not in written

    api.merge(f"{QUOTAS}/{BEIJING}/status", {"status": {"observedGeneration": 1}, "spec": {"pools": []}})
    assert api.get(f"{QUOTAS}/{BEIJING}")["spec"] == QUOTA["spec"]
