"""The ValidatingAdmissionPolicies, and the conditions of the webhook, on a real API server.

No webhook answers here: that of the configuration is not there, which shows whether it was asked.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from chart import Object, render
from kubectl import Kubectl, KubectlError
from process import wait_until
from tables import nest

REGION = "alibabacloud.com/serverless-region-id"
SERIES = "alibabacloud.com/gpu-model-series"
TOPOLOGY = "topology.kubernetes.io/region"
RESERVATION = "regionfit.io/reservation"
PLACEMENT = "regionfit.io/placement"
IGNORE = "regionfit.io/ignore"
MIRROR = "kubernetes.io/config.mirror"
ENABLED = {"regionfit.io/enabled": "true"}
SERVER = "system:serviceaccount:regionfit:regionfit"
INSIDE, OUTSIDE = "inside", "outside"

VALUES = {
    "admissionPolicies.requirePlacement.enabled": True,
    "webhook.gpuPodsOnly": True,
    "webhook.failurePolicy": "Fail",
}
KINDS = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
WEBHOOK = "MutatingWebhookConfiguration"


def pod(
    name: str = "some",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    gpus: Any = 1,
    namespace: str = INSIDE,
    **spec: Any,
) -> Object:
    resources = {"limits": {"nvidia.com/gpu": gpus}} if gpus else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}, "annotations": annotations or {}},
        "spec": {"containers": [{"name": "server", "image": "server", "resources": resources}], **spec},
    }


def policy(name: str, selector: Object, annotations: dict[str, str] | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "scheduling.alibabacloud.com/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": {"name": name, "namespace": INSIDE, "annotations": annotations or {}},
        "spec": {"selector": selector, "strategy": "required", "units": [{"resource": "acs"}], **spec},
    }


IN = {"key": "tier", "operator": "In", "values": ["a", "b"]}
NOT_IN = {"key": "zone", "operator": "NotIn", "values": ["z"]}
THERE = {"key": "must", "operator": "Exists"}
NOT_THERE = {"key": "not", "operator": "DoesNotExist"}
POLICIES = [
    policy("flat", {"app": "flat"}),
    policy("labels", {"matchLabels": {"app": "labels", "more": "1"}}),
    policy("expressions", {"matchLabels": {"app": "expressions"}, "matchExpressions": [IN, NOT_IN]}),
    policy("beside", {"app": "beside"}, matchExpressions=[THERE, NOT_THERE]),
    policy("named", {"matchLabels": "yes"}),
    policy("prefer", {"app": "prefer"}, strategy="prefer"),
    policy("unsaid", {"app": "unsaid"}, strategy=None),
    policy("denies", {"app": "denies"}, {"regionfit.io/when-nothing-fits": "deny"}, strategy="prefer"),
    policy("allows", {"app": "allows"}, {"regionfit.io/when-nothing-fits": "allow"}),
]
POLICIES[6]["spec"].pop("strategy")


def objects_of(helm: str, kinds: list[str], **more: Any) -> list[Object]:
    return [one for one in render(helm, values=nest({**VALUES, **more})) if one["kind"] in kinds]


@pytest.fixture(scope="module", autouse=True)
def namespaces(kubectl: Kubectl) -> None:
    for name in (INSIDE, OUTSIDE):
        kubectl("create", "namespace", name)
        account = ["get", "serviceaccount", "default", "-n", name, "--ignore-not-found", "-o", "name"]
        wait_until("pods can be created", partial(kubectl, *account))
    kubectl("label", "namespace", INSIDE, *(f"{key}={value}" for key, value in ENABLED.items()))
    kubectl("apply", "-f", "-", text=yaml.safe_dump_all(POLICIES))


@pytest.fixture(scope="module")
def enforced(helm: str, kubectl: Kubectl) -> Iterator[Kubectl]:
    """Both policies are in force: asked about what they refuse, they do."""
    objects = yaml.safe_dump_all(objects_of(helm, KINDS))
    kubectl("apply", "-f", "-", text=objects)
    wait_until("unplaced pods are refused", lambda: "Forbidden" in refusal(kubectl, pod(labels={"app": "flat"})))
    kubectl("apply", "-f", "-", text=yaml.safe_dump(pod("early", gpus=0)))
    changed = pod("early", annotations={RESERVATION: "forged"}, gpus=0)
    wait_until("changes are refused", lambda: "Forbidden" in refusal(kubectl, changed))
    yield kubectl
    kubectl("delete", "-f", "-", text=objects)


def attempt(kubectl: Kubectl, *arguments: str, text: str = "") -> str:
    """What is said against it; "" where it succeeds."""
    try:
        kubectl(*arguments, text=text)
    except KubectlError as error:
        return str(error)
    return ""


def refusal(kubectl: Kubectl, body: Object) -> str:
    """Why a pod can not be written so; "" where it can. Nothing is stored."""
    return attempt(kubectl, "apply", "--dry-run=server", "-f", "-", text=yaml.safe_dump(body))


@pytest.mark.parametrize("scope", ["namespaceLabel", "objectLabel", "all"])
@pytest.mark.parametrize("nothing_fits", ["allow", "deny"])
def test_the_api_server_finds_no_fault_in_the_expressions(
    scope: str, nothing_fits: str, helm: str, kubectl: Kubectl
) -> None:
    """It checks their types by the definitions that it has, a while after they were stored."""
    objects = objects_of(helm, KINDS[:1], **{"webhook.scope": scope, "whenNothingFits": nothing_fits})
    for one in objects:
        one["metadata"]["name"] += f"-{scope.lower()}-{nothing_fits}"
    kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))
    try:
        for one in objects:
            status = wait_until("it is checked", partial(checked, kubectl, one["kind"], one["metadata"]["name"]))
            assert status["typeChecking"] == {}
    finally:
        kubectl("delete", "-f", "-", text=yaml.safe_dump_all(objects))


def checked(kubectl: Kubectl, *what: str) -> Any:
    status = kubectl.read("get", *what).get("status", {})
    return status if "typeChecking" in status else None


def test_the_api_server_would_find_faults(helm: str, kubectl: Kubectl) -> None:
    """Or its silence in the test before meant nothing."""
    (body,) = (one for one in objects_of(helm, KINDS[:1]) if "immutability" in one["metadata"]["name"])
    body["metadata"]["name"] = "faulty"
    body["spec"]["validations"] = [{"expression": "object.metadata.typo == ''"}]
    kubectl("apply", "-f", "-", text=yaml.safe_dump(body))
    status = wait_until("it is checked", lambda: checked(kubectl, body["kind"], "faulty"))
    kubectl("delete", body["kind"], "faulty")
    assert "undefined field 'typo'" in status["typeChecking"]["expressionWarnings"][0]["warning"]


PLACED = {REGION: "cn-beijing", SERIES: "GU8TF"}
HOLDS = {RESERVATION: "0123", PLACEMENT: "inside/flat#0"}
GATED = {"schedulingGates": [{"name": "example.com/wait"}], "nodeSelector": {"type": "virtual-kubelet"}}
CHANGES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("another label", {}, {"labels": {"a": "b"}}, ""),
    ("another annotation", {}, {"annotations": {"a": "b"}}, ""),
    ("another region", {}, {"labels": {REGION: "cn-hangzhou"}}, "the region of a pod that regionfit has charged"),
    ("no region", {}, {"labels": {REGION: None}}, "the region of a pod"),
    ("another series", {}, {"labels": {SERIES: "L20"}}, "the GPU model series of a pod"),
    ("no series", {}, {"labels": {SERIES: None}}, "the GPU model series of a pod"),
    ("another reservation", {}, {"annotations": {RESERVATION: "4567"}}, f"the annotation {RESERVATION} of a pod"),
    ("no reservation", {}, {"annotations": {RESERVATION: None}}, f"the annotation {RESERVATION} of a pod"),
    ("another placement", {}, {"annotations": {PLACEMENT: "inside/flat#1"}}, f"the annotation {PLACEMENT} of a pod"),
    ("no placement", {}, {"annotations": {PLACEMENT: None}}, f"the annotation {PLACEMENT} of a pod"),
    ("no annotations at all", {}, {"annotations": None}, f"the annotation {RESERVATION} of a pod"),
    ("no labels at all", {}, {"labels": None}, "the GPU model series of a pod"),
    ("a region that was not there", {"labels": {}}, {"labels": {REGION: "cn-beijing"}}, "the region of a pod"),
    ("a series that was not there", {"labels": {}}, {"labels": {SERIES: "L20"}}, "the GPU model series of a pod"),
    ("a reservation that was not there", {"annotations": {}}, {"annotations": {RESERVATION: "4567"}}, RESERVATION),
    ("a region of a pod that holds nothing", {"annotations": {}}, {"labels": {REGION: "cn-hangzhou"}}, ""),
    ("a region of a gated pod", GATED, {"nodeSelector": {TOPOLOGY: "cn-hangzhou"}}, "the region of a pod"),
    ("a series of a gated pod", GATED, {"nodeSelector": {SERIES: "L20"}}, "the GPU model series of a pod"),
    ("another selector of a gated pod", GATED, {"nodeSelector": {"rack": "1"}}, ""),
    ("opting out on the way", {}, {"labels": {REGION: "cn-hangzhou", IGNORE: "true"}}, "the region of a pod"),
    ("a region, elsewhere", {"namespace": OUTSIDE}, {"labels": {REGION: "cn-hangzhou"}}, ""),
]


@pytest.mark.parametrize("subresource", ["", "status"])
@pytest.mark.parametrize("before, change, said", [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_what_a_placed_pod_is_charged_for_stays(
    before: dict[str, Any], change: dict[str, Any], said: str, subresource: str, enforced: Kubectl
) -> None:
    body = pod(**{"labels": {**PLACED}, "annotations": {**HOLDS}, "gpus": 0, **copy.deepcopy(before)})
    if subresource and "nodeSelector" in change:
        said = ""  # a status has none
    patch = {part: {key: change[key]} for key in change for part in [part_of(key)]}
    write = ["patch", "pod", "some", "-n", body["metadata"]["namespace"], "--type=merge", "--dry-run=server"]
    write += [f"--subresource={subresource}"] if subresource else []

    enforced("apply", "-f", "-", text=yaml.safe_dump(body))
    try:
        got = attempt(enforced, *write, "-p", yaml.safe_dump(patch))
        assert ("cannot be changed" in got and said in got) if said else got == ""
    finally:
        enforced("delete", "-f", "-", "--grace-period=0", "--force", text=yaml.safe_dump(body))


def part_of(key: str) -> str:
    return "spec" if key == "nodeSelector" else "metadata"


def test_regionfit_itself_may_change_it(enforced: Kubectl) -> None:
    """Where it has the right to; here it is given that."""
    body = pod(labels={**PLACED}, annotations={**HOLDS}, gpus=0)
    enforced("apply", "-f", "-", text=yaml.safe_dump(body))
    enforced("create", "clusterrolebinding", "itself", "--clusterrole=edit", f"--user={SERVER}")
    patch = ["patch", "pod", "some", "-n", INSIDE, "--dry-run=server", "-p"]
    change = yaml.safe_dump({"metadata": {"annotations": {RESERVATION: "4567"}}})
    try:
        wait_until("it may", lambda: attempt(enforced, *patch, change, f"--as={SERVER}") == "")
        assert "cannot be changed" in attempt(enforced, *patch, change)
    finally:
        enforced("delete", "clusterrolebinding", "itself")
        enforced("delete", "-f", "-", "--grace-period=0", "--force", text=yaml.safe_dump(body))


INIT = [{"name": "first", "image": "server", "resources": {"limits": {"alibabacloud.com/ppu": 1}}}]
TIERS = {"app": "expressions", "tier": "a"}
CREATIONS: list[tuple[str, dict[str, Any], str]] = [
    ("a GPU pod that a policy selects", {"labels": {"app": "flat"}}, "inside/flat requires"),
    ("one that was placed", {"labels": {"app": "flat"}, "annotations": {PLACEMENT: "inside/flat#0"}}, ""),
    ("one whose annotations say nothing", {"labels": {"app": "flat"}, "annotations": {PLACEMENT: ""}}, "inside/flat"),
    ("one of no policy", {"labels": {"app": "none"}}, ""),
    ("one without labels", {}, ""),
    ("one without a GPU", {"labels": {"app": "flat"}, "gpus": 0}, ""),
    ("one that asks for no GPU", {"labels": {"app": "flat"}, "gpus": "0"}, ""),
    ("a GPU for an init container", {"labels": {"app": "flat"}, "gpus": 0, "initContainers": INIT}, "inside/flat"),
    ("one that opted out by a label", {"labels": {"app": "flat", IGNORE: "true"}}, ""),
    ("by an annotation", {"labels": {"app": "flat"}, "annotations": {IGNORE: "true"}}, ""),
    ("one that did not opt out", {"labels": {"app": "flat", IGNORE: "false"}}, "inside/flat"),
    ("in a namespace that is not asked about", {"labels": {"app": "flat"}, "namespace": OUTSIDE}, ""),
    ("matchLabels", {"labels": {"app": "labels", "more": "1"}}, "inside/labels"),
    ("half of matchLabels", {"labels": {"app": "labels"}}, ""),
    ("another value in matchLabels", {"labels": {"app": "labels", "more": "2"}}, ""),
    ("In, and NotIn without the label", {"labels": TIERS}, "inside/expressions"),
    ("not In", {"labels": {**TIERS, "tier": "c"}}, ""),
    ("not In, without the label", {"labels": {"app": "expressions"}}, ""),
    ("NotIn with another value", {"labels": {**TIERS, "zone": "a"}}, "inside/expressions"),
    ("not NotIn", {"labels": {**TIERS, "zone": "z"}}, ""),
    ("Exists and DoesNotExist", {"labels": {"app": "beside", "must": ""}}, "inside/beside"),
    ("what must exist does not", {"labels": {"app": "beside"}}, ""),
    ("what must not exist does", {"labels": {"app": "beside", "must": "", "not": ""}}, ""),
    ("a label that is named matchLabels", {"labels": {"matchLabels": "yes"}}, "inside/named"),
    ("which has another value", {"labels": {"matchLabels": "no"}}, ""),
    ("strategy prefer", {"labels": {"app": "prefer"}}, ""),
    ("no strategy", {"labels": {"app": "unsaid"}}, ""),
    ("prefer, but rather refuse", {"labels": {"app": "denies"}}, "inside/denies"),
    ("required, but rather let through", {"labels": {"app": "allows"}}, ""),
]


@pytest.mark.parametrize("given, said", [row[1:] for row in CREATIONS], ids=[row[0] for row in CREATIONS])
def test_a_gpu_pod_that_slipped_through_is_refused(given: dict[str, Any], said: str, enforced: Kubectl) -> None:
    got = refusal(enforced, pod(**given))
    assert ("regionfit was away" in got and said in got) if said else got == ""


def test_a_pod_that_is_created_must_hold_a_reservation(enforced: Kubectl) -> None:
    """A dry run is promised nothing, so that the others here need only be placed."""
    body = pod(labels={"app": "flat"}, annotations={PLACEMENT: "inside/flat#0"})
    assert "regionfit was away" in attempt(enforced, "apply", "-f", "-", text=yaml.safe_dump(body))
    body["metadata"]["annotations"] = HOLDS
    assert attempt(enforced, "apply", "-f", "-", text=yaml.safe_dump(body)) == ""
    enforced("delete", "-f", "-", "--grace-period=0", "--force", text=yaml.safe_dump(body))


def slipped_through(kubectl: Kubectl, body: Object) -> bool:
    return "regionfit was away" in refusal(kubectl, body)


def test_policies_that_prefer_deny_where_regionfit_does(helm: str, kubectl: Kubectl) -> None:
    objects = yaml.safe_dump_all(objects_of(helm, KINDS, whenNothingFits="deny", fullnameOverride="strict"))
    kubectl("apply", "-f", "-", text=objects)
    try:
        for app in ("prefer", "unsaid"):
            wait_until("they deny", partial(slipped_through, kubectl, pod(labels={"app": app})))
        assert refusal(kubectl, pod(labels={"app": "allows"})) == ""
    finally:
        kubectl("delete", "-f", "-", text=objects)


NOBODY = "failed calling webhook"
ASKED: list[tuple[str, dict[str, Any], bool]] = [
    ("a GPU pod", {}, True),
    ("a pod without a GPU", {"gpus": 0}, False),
    ("a GPU for an init container", {"gpus": 0, "initContainers": INIT}, True),
    ("a pod that asks for no GPU", {"gpus": "0"}, False),
    ("a pod that opted out by a label", {"labels": {IGNORE: "true"}}, False),
    ("by an annotation", {"annotations": {IGNORE: "true"}}, False),
    ("a pod that did not opt out", {"labels": {IGNORE: "yes"}}, True),
    ("a mirror pod", {"annotations": {MIRROR: "0123"}, "nodeName": "node"}, False),
    ("elsewhere", {"namespace": OUTSIDE}, False),
]


@pytest.fixture(scope="module")
def registered(helm: str, kubectl: Kubectl) -> Iterator[Kubectl]:
    """A webhook that nobody answers for, so that pods about which it would be asked can not be created."""
    objects = yaml.safe_dump_all(objects_of(helm, [WEBHOOK], **{"admissionPolicies.immutability.enabled": False}))
    kubectl("apply", "-f", "-", text=yaml.safe_dump(pod("early", gpus=0)))
    kubectl("apply", "-f", "-", text=objects)
    wait_until("it would be asked", lambda: NOBODY in refusal(kubectl, pod()))
    yield kubectl
    kubectl("delete", "-f", "-", text=objects)


@pytest.mark.parametrize("given, asked", [row[1:] for row in ASKED], ids=[row[0] for row in ASKED])
def test_the_webhook_is_asked_about_pods_of_interest(given: dict[str, Any], asked: bool, registered: Kubectl) -> None:
    assert (NOBODY in refusal(registered, pod(**given))) == asked


def test_updates_are_asked_about_however_the_pod_looks(registered: Kubectl) -> None:
    body = pod("early", labels={IGNORE: "true", REGION: "cn-hangzhou"}, gpus=0)
    assert NOBODY in refusal(registered, body)
