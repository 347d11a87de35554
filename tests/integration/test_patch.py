"""What a patch makes of a pod. Each case spells out the maps of the stored pod; all else must be as it was sent.

The expectations are the design's section 7; python3-jsonpatch (RFC 6902) applies the patches. Every case has a
namespace of its own, so that one server with all policies answers for all of them.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

from conftest import Serve
from objects import (
    ACS,
    BEIJING,
    COMPUTE_CLASS,
    HANGZHOU,
    PLACEMENT,
    REGION,
    RESERVATION,
    SERIES,
    VIRTUAL_NODE,
    Object,
    creation,
    patch_of,
    pod,
    policy,
    quota,
    stored_as,
    unit,
)
from server import Server

GIVEN = "<an id>"  # stands for the reservation's id
PLACED = {ACS: "true", REGION: BEIJING, SERIES: "GU8TF"}
BASE = unit(BEIJING)
ODD = {"example.com/a~b": "1", "~/~1~0": "2", "/": "3", "~": "4"}
GPU_TAINT = {"key": "nvidia.com/gpu", "operator": "Exists"}


@dataclass
class Case:
    """`units` is the policy of the case's namespace; then the pod, and the maps and lists that it is stored with."""

    id: str
    units: list[Object]
    pod: Object
    labels: dict[str, str] | None
    annotations: dict[str, str] | None = None
    node_selector: dict[str, str] | None = None
    tolerations: list[Object] | None = field(default_factory=lambda: [VIRTUAL_NODE])
    scheduler: str | None = None
    unit: int | None = 0  # on which it is placed
    reserves: bool = True


def with_spec(**spec: Any) -> Object:
    return pod(spec=spec)


def untouched(id: str, units: list[Object], created: Object) -> Case:
    metadata, spec = created["metadata"], created["spec"]
    return Case(
        id, units, created, metadata.get("labels"), metadata.get("annotations"), spec.get("nodeSelector"),
        spec.get("tolerations"), spec.get("schedulerName"), unit=None, reserves=False,
    )  # fmt: skip


STATIC = pod(labels={REGION: BEIJING, SERIES: "GU8TF"})
FORGED = {RESERVATION: "f" * 32, PLACEMENT: "other/policy#7"}
DEMO = {"app": "demo", **PLACED}

CASES = [
    Case("a pod without annotations, selector or tolerations gets each as a whole",
         [unit(BEIJING, nodeSelector={"type": "virtual-kubelet"}, podAnnotations={"team": "blue"})],
         pod(), DEMO, {"team": "blue"}, {"type": "virtual-kubelet"}),
    Case("a pod without labels gets them as a whole", [BASE], pod(labels=None), PLACED),
    Case("a null for a map is no map",
         [unit(BEIJING, nodeSelector={"type": "virtual-kubelet"})],
         pod(annotations=None, spec={"nodeSelector": None, "tolerations": None}),
         DEMO, {}, {"type": "virtual-kubelet"}),
    Case("an empty map is added to",
         [unit(BEIJING, nodeSelector={"type": "virtual-kubelet"}, podAnnotations={"team": "blue"})],
         pod(annotations={}, spec={"nodeSelector": {}, "tolerations": []}),
         DEMO, {"team": "blue"}, {"type": "virtual-kubelet"}),
    Case("keys with slashes and tildes are escaped",
         [{**BASE, "podLabels": {**BASE["podLabels"], **ODD}, "podAnnotations": ODD, "nodeSelector": ODD}],
         pod(annotations={"a": "b"}, spec={"nodeSelector": {"c": "d"}}),
         {**DEMO, **ODD}, {"a": "b", **ODD}, {"c": "d", **ODD}),
    Case("keys with slashes and tildes are not escaped in a map that is added whole",
         [{**BASE, "podAnnotations": ODD, "nodeSelector": ODD}], pod(), DEMO, ODD, ODD),
    Case("a selector of the author's is kept and added to",
         [unit(BEIJING, nodeSelector={"type": "virtual-kubelet"})],
         with_spec(nodeSelector={"disk": "ssd", "type": "virtual-kubelet"}),
         DEMO, {}, {"disk": "ssd", "type": "virtual-kubelet"}),
    Case("labels that the pod has already are left alone", [BASE], pod(labels={"app": "demo", **PLACED}), DEMO),
    Case("an annotation of the author's wins over the unit's",
         [unit(BEIJING, podAnnotations={"team": "blue", "cost": "low"})],
         pod(annotations={"team": "red"}), DEMO, {"team": "red", "cost": "low"}),
    Case("the region may be named by the node selector",
         [{"resource": "acs", "nodeSelector": {"topology.kubernetes.io/region": BEIJING}}],
         pod(), {"app": "demo", ACS: "true"}, {}, {"topology.kubernetes.io/region": BEIJING}),
    Case("the model of class gpu-hpn is in the node selector",
         [{"resource": "acs", "podLabels": {REGION: BEIJING, COMPUTE_CLASS: "gpu-hpn"},
           "nodeSelector": {SERIES: "GU8TF"}}],
         pod(), {"app": "demo", ACS: "true", REGION: BEIJING, COMPUTE_CLASS: "gpu-hpn"}, {}, {SERIES: "GU8TF"}),
    Case("a pod that names its model goes to the unit of that model",
         [unit(BEIJING, "T4"), BASE], pod(labels={"app": "demo", SERIES: "GU8TF"}), DEMO, unit=1),
    Case("a pod that names its region goes to the unit of that region",
         [BASE, unit(HANGZHOU)], pod(labels={"app": "demo", REGION: HANGZHOU}),
         {"app": "demo", ACS: "true", REGION: HANGZHOU, SERIES: "GU8TF"}, unit=1),
    Case("a full unit is passed over",
         [unit(BEIJING, max=0), unit(HANGZHOU)], pod(),
         {"app": "demo", ACS: "true", REGION: HANGZHOU, SERIES: "GU8TF"}, unit=1),
    # Virtual nodes and real ones
    Case("an acs unit that says nothing still means its label and its nodes",
         [{"resource": "acs"}], pod(), {"app": "demo", ACS: "true"}),
    Case("eci is for virtual nodes, without the label of acs",
         [{"resource": "eci", "podLabels": {REGION: BEIJING}}], pod(), {"app": "demo", REGION: BEIJING}),
    Case("ecs is for real nodes, which need no toleration",
         [{"resource": "ecs", "nodeSelector": {"pool": "gpu"}}],
         pod(), {"app": "demo"}, {}, {"pool": "gpu"}, tolerations=None),
    Case("elastic is for real nodes too",
         [{"resource": "elastic", "podLabels": {"tier": "elastic"}}],
         with_spec(tolerations=[GPU_TAINT]), {"app": "demo", "tier": "elastic"}, tolerations=[GPU_TAINT]),
    # Tolerations (core/v1 Toleration)
    Case("a toleration is added behind those of the author",
         [BASE], with_spec(tolerations=[GPU_TAINT]), DEMO, tolerations=[GPU_TAINT, VIRTUAL_NODE]),
    Case("the same toleration is not added again",
         [BASE], with_spec(tolerations=[VIRTUAL_NODE]), DEMO, tolerations=[VIRTUAL_NODE]),
    Case("one of every effect will do", [BASE],
         with_spec(tolerations=[{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]),
         DEMO, tolerations=[{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]),
    Case("one of every taint will do",
         [BASE], with_spec(tolerations=[{"operator": "Exists"}]), DEMO, tolerations=[{"operator": "Exists"}]),
    Case("one of another effect will not do",
         [BASE], with_spec(tolerations=[{**VIRTUAL_NODE, "effect": "NoExecute"}]),
         DEMO, tolerations=[{**VIRTUAL_NODE, "effect": "NoExecute"}, VIRTUAL_NODE]),
    Case("one for a single provider will not do",
         [BASE], with_spec(tolerations=[{"key": "virtual-kubelet.io/provider", "value": "x"}]),
         DEMO, tolerations=[{"key": "virtual-kubelet.io/provider", "value": "x"}, VIRTUAL_NODE]),
    # Our own annotations
    Case("annotations of ours that came with the pod are replaced",
         [unit(BEIJING, podAnnotations={"team": "blue"})],
         pod(annotations={"a": "b", **FORGED}), DEMO, {"a": "b", "team": "blue"}),
    Case("the vendor's scheduler stays unless it is to be rewritten",
         [BASE], with_spec(schedulerName="ack-co-scheduler"), DEMO, scheduler="ack-co-scheduler"),
    # Pods that are not placed
    Case("a pod that names its own region and has no policy is charged, and no more",
         [], STATIC, STATIC["metadata"]["labels"], {}, tolerations=None, unit=None),
    untouched("a pod without a policy is left alone", [], pod(annotations={"a": "b"})),
    untouched("a pod without GPUs that names its own region is charged nothing",
              [], pod(gpus=0, labels={REGION: BEIJING})),
    untouched("a pod that has opted out by its label is left alone",
              [BASE], pod(labels={"app": "demo", "regionfit.io/ignore": "true"})),
    untouched("a pod that has opted out by its annotation is left alone",
              [BASE], pod(annotations={"regionfit.io/ignore": "true"})),
    untouched("a mirror pod is left alone", [BASE], pod(annotations={"kubernetes.io/config.mirror": "abc"})),
]  # fmt: skip

REWRITTEN = [
    Case("the vendor's scheduler gives way to the cluster's",
         [BASE], with_spec(schedulerName="ack-co-scheduler"), DEMO, scheduler="default-scheduler"),
    Case("another scheduler stays", [BASE], with_spec(schedulerName="volcano"), DEMO, scheduler="volcano"),
    Case("a pod that names no scheduler gets none", [BASE], pod(), DEMO),
    untouched("a pod that is not placed keeps the vendor's scheduler",
              [], with_spec(schedulerName="ack-co-scheduler")),
]  # fmt: skip

ALL = [pytest.param((False, i), id=case.id) for i, case in enumerate(CASES)]
ALL += [pytest.param((True, i), id=case.id) for i, case in enumerate(REWRITTEN)]


def namespace(index: int) -> str:
    return f"case-{index}"


def in_namespace(created: Object, name: str) -> Object:
    moved = copy.deepcopy(created)
    moved["metadata"]["namespace"] = name
    return {**moved, "metadata": {key: value for key, value in moved["metadata"].items() if value is not None
                                  or key == "annotations"}}  # fmt: skip


def world(cases: list[Case]) -> list[Object]:
    objects = [quota(BEIJING, GU8TF=1000, others=1000), quota(HANGZHOU, GU8TF=1000)]
    for index, case in enumerate(cases):
        if case.units:
            # No selector at all: a pod without labels has to be selected, too.
            objects.append(in_namespace(policy(*case.units, selector={}), namespace(index)))
    return objects


@pytest.fixture(scope="module")
def servers(serve_once: Serve) -> dict[bool, Server]:
    return {
        False: serve_once(objects=world(CASES)),
        True: serve_once("--rewrite-scheduler", objects=world(REWRITTEN)),
    }


@dataclass
class Asked:
    """A case, the pod as it was sent, and what came back."""

    case: Case
    server: Server
    namespace: str
    created: Object
    response: Object
    stored: Object


def ask(server: Server, created: Object, name: str) -> tuple[Object, Object]:
    response = server.send(creation(created, namespace=name))
    assert response["allowed"], response
    return response, stored_as(created, response)


@pytest.fixture
def asked(request: pytest.FixtureRequest, servers: dict[bool, Server]) -> Asked:
    rewrites, index = request.param
    case = (REWRITTEN if rewrites else CASES)[index]
    created = in_namespace(case.pod, namespace(index))
    response, stored = ask(servers[rewrites], created, namespace(index))
    return Asked(case, servers[rewrites], namespace(index), created, response, stored)


def expected(asked: Asked) -> Object:
    case = asked.case
    annotations = case.annotations
    if case.reserves:
        annotations = {**(annotations or {}), RESERVATION: GIVEN}
    if case.unit is not None:
        annotations = {**(annotations or {}), PLACEMENT: f"{asked.namespace}/fit#{case.unit}"}
    wanted = copy.deepcopy(asked.created)
    set_or_drop(wanted["metadata"], "labels", case.labels)
    set_or_drop(wanted["metadata"], "annotations", annotations)
    set_or_drop(wanted["spec"], "nodeSelector", case.node_selector)
    set_or_drop(wanted["spec"], "tolerations", case.tolerations)
    set_or_drop(wanted["spec"], "schedulerName", case.scheduler)
    return wanted


def set_or_drop(parent: Object, key: str, value: Any) -> None:
    if value is None:
        parent.pop(key, None)
    else:
        parent[key] = value


def mask(stored: Object, reserves: bool) -> tuple[Object, str]:
    """The pod with a word for its reservation's id, and the id."""
    masked = copy.deepcopy(stored)
    if not reserves:
        return masked, ""
    given = masked["metadata"]["annotations"][RESERVATION]
    masked["metadata"]["annotations"][RESERVATION] = GIVEN
    return masked, given


@pytest.mark.parametrize("asked", ALL, indirect=True)
def test_the_patch_gives_the_expected_pod(asked: Asked) -> None:
    masked, given = mask(asked.stored, asked.case.reserves)
    assert masked == expected(asked)
    assert bool(given) == asked.case.reserves
    assert given != FORGED[RESERVATION]


@pytest.mark.parametrize("asked", ALL, indirect=True)
def test_deciding_again_on_the_result_changes_only_the_id(asked: Asked) -> None:
    response, again = ask(asked.server, asked.stored, asked.namespace)
    first, first_id = mask(asked.stored, asked.case.reserves)
    second, second_id = mask(again, asked.case.reserves)

    assert second == first
    assert (second_id != first_id) == asked.case.reserves
    assert {operation["path"] for operation in patch_of(response)} <= {
        "/metadata/annotations/regionfit.io~1reservation"
    }


@pytest.mark.parametrize("asked", ALL, indirect=True)
def test_nothing_that_the_author_wrote_is_overwritten(asked: Asked) -> None:
    for parent, key in (("metadata", "labels"), ("metadata", "annotations"), ("spec", "nodeSelector")):
        stored = asked.stored[parent].get(key) or {}
        for name, value in (asked.created[parent].get(key) or {}).items():
            assert stored[name] == value or name in FORGED
    before = asked.created["spec"].get("tolerations") or []
    assert (asked.stored["spec"].get("tolerations") or [])[: len(before)] == before
    for operation in patch_of(asked.response):
        ours = "regionfit.io~1" in operation["path"] or operation["path"] == "/spec/schedulerName"
        assert operation["op"] == "add" or (operation["op"] == "replace" and ours)
