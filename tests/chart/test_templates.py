"""What holds for all that the chart renders, whatever the values."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chart import CHART, NAMESPACE, RELEASE, HelmError, Object, render, run_helm, template
from sets import HOST, SETS
from tables import VERSION, nest

TOP = CHART.parent.parent
ALL = {**SETS, "the network of the node": HOST}

every_set = pytest.mark.parametrize("given", ALL.values(), ids=ALL.keys())


def by_name(objects: list[Object]) -> dict[tuple[str, str, str], Object]:
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in objects}


@every_set
def test_the_same_is_rendered_twice(given: dict[str, Any], any_helm: str) -> None:
    values = nest(given)
    assert template(any_helm, values=values) == template(any_helm, values=values)


@every_set
def test_both_helms_render_the_same_objects(given: dict[str, Any], helm: str, helm3: str) -> None:
    values = nest(given)
    assert by_name(render(helm, values=values)) == by_name(render(helm3, values=values))


@every_set
def test_every_object_is_told_from_those_of_others(given: dict[str, Any], helm: str) -> None:
    objects = render(helm, values=nest(given))
    assert len(by_name(objects)) == len(objects)
    for one in objects:
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "regionfit"
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        assert labels["app.kubernetes.io/version"] == VERSION


@every_set
def test_the_service_and_the_budget_find_the_replicas_and_no_other_pod(given: dict[str, Any], helm: str) -> None:
    objects = render(helm, values=nest(given))
    kinds = {one["kind"]: one for one in objects}
    selector = kinds["Service"]["spec"]["selector"]
    template = kinds["Deployment"]["spec"]["template"]["metadata"]["labels"]

    assert kinds["Deployment"]["spec"]["selector"]["matchLabels"] == selector
    assert selector.items() <= template.items()
    for pod in (one for one in objects if one["kind"] == "Pod"):
        assert not selector.items() <= pod["metadata"]["labels"].items()
    for kind in ("PodDisruptionBudget", "NetworkPolicy"):
        if kind in kinds:
            spec = kinds[kind]["spec"]
            assert (spec.get("selector") or spec["podSelector"])["matchLabels"] == selector


@every_set
def test_neither_the_system_nor_regionfit_itself_is_asked_about(given: dict[str, Any], helm: str) -> None:
    objects = render(helm, values=nest(given))
    (webhook,) = next(one for one in objects if one["kind"] == "MutatingWebhookConfiguration")["webhooks"]
    constraints = [one["spec"]["matchConstraints"] for one in objects if one["kind"] == "ValidatingAdmissionPolicy"]
    excluded = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", NAMESPACE]}

    for where in (webhook, *constraints):
        assert where["namespaceSelector"]["matchExpressions"][0] == excluded


@every_set
def test_what_is_registered_is_what_the_issue_asks_for(given: dict[str, Any], helm: str) -> None:
    objects = render(helm, values=nest(given))
    (webhook,) = next(one for one in objects if one["kind"] == "MutatingWebhookConfiguration")["webhooks"]

    assert webhook["name"] == "placement.regionfit.io"
    assert webhook["clientConfig"]["service"]["path"] == "/mutate"
    assert webhook["failurePolicy"] == "Ignore"
    assert webhook["timeoutSeconds"] == 5
    assert webhook["matchPolicy"] == "Equivalent"
    assert webhook["reinvocationPolicy"] == "Never"
    assert webhook["sideEffects"] == "NoneOnDryRun"
    assert ("caBundle" in webhook["clientConfig"]) == ("webhook.caBundle" in given)


def test_no_template_makes_a_key_or_looks_at_a_cluster() -> None:
    forbidden = re.compile(r"\b(gen[A-Z]\w+|derivePassword|lookup|rand\w*|uuidv4|now|htpasswd|bcrypt|encryptAES)\b")
    templates = [path for path in (CHART / "templates").rglob("*") if path.is_file()]
    actions = [(path.name, action) for path in templates for action in re.findall(r"{{.*?}}", path.read_text())]
    assert actions
    assert [(name, action) for name, action in actions if forbidden.search(re.sub(r"/\*.*?\*/", "", action))] == []


def test_the_chart_is_of_the_version_of_the_program() -> None:
    built = re.search(r"version: '([^']+)'", (TOP / "meson.build").read_text())
    assert built and built[1] == VERSION


def test_helm_finds_no_fault(any_helm: str) -> None:
    assert "0 chart(s) failed" in run_helm(any_helm, "lint", "--strict", str(CHART))


def test_an_older_kubernetes_is_refused(any_helm: str) -> None:
    with pytest.raises(HelmError, match="incompatible with Kubernetes v1.29"):
        template(any_helm, "--kube-version", "1.29.9")
    assert template(any_helm, "--kube-version", "1.30.0-aliyun.1")


NOTES: list[tuple[str, dict[str, Any], str]] = [
    ("how to opt in", {}, "kubectl label namespace NAMESPACE regionfit.io/enabled=true"),
    ("which label pods need", {"webhook.scope": "objectLabel"}, 'the label regionfit.io/enabled: "true"'),
    ("that all are asked about", {"webhook.scope": "all"}, "those of every namespace but kube-system and regionfit"),
    ("how to test it", {}, "helm test regionfit -n regionfit"),
    ("how to see it come up", {}, "kubectl rollout status deployment/regionfit -n regionfit"),
    ("that nothing is done", {"dryRun": True}, "It only prints what it would do"),
    ("what happens while it is away", {}, "pods are created unplaced"),
    ("what stays", {}, "the Secret regionfit-tls"),
]


@pytest.mark.parametrize("given, said", [(given, said) for _, given, said in NOTES], ids=[name for name, _, _ in NOTES])
def test_the_notes_tell(given: dict[str, Any], said: str, helm: str) -> None:
    """Only the newest helm shows them without a cluster."""
    install = ["install", RELEASE, str(CHART), "-n", NAMESPACE, "--dry-run=client"]
    assert said in run_helm(helm, *install, values=nest(given)).partition("NOTES:")[2]
