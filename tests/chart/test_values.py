"""Every value does what its comment says, and nothing that is no value is taken for one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from chart import CHART, HelmError, Object, render, template
from cluster_cases import CLUSTER_CASES
from replica_cases import REPLICA_CASES
from tables import SCHEMA, VALUES, Case, find, holds, leaves, look, nest, resolve

CASES = [*REPLICA_CASES, *CLUSTER_CASES]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_value_changes_what_it_is_for(case: Case, helm: str) -> None:
    without = dict(list(case.given.items())[:-1])
    before, after = (
        look(find(render(helm, values=nest(given)), case.object), case.path) for given in (without, case.given)
    )

    assert holds(after, case.expected), after
    assert before != after, "this proves nothing: it is the same without"


def test_every_value_is_tried() -> None:
    assert {list(case.given)[-1] for case in CASES} == set(leaves()) - {"global"}


def test_a_chart_around_this_one_may_have_global_values(any_helm: str) -> None:
    assert template(any_helm, values={"global": {"registry": "some"}}) == template(any_helm)


def test_every_value_has_a_comment() -> None:
    """In the line above it."""
    text = (CHART / "values.yaml").read_text()
    root = yaml.compose(text)
    assert isinstance(root, yaml.MappingNode)
    lines = text.splitlines()
    assert [path for path in leaves() if not lines[line_of(root, path) - 1].lstrip().startswith("# ")] == []


def line_of(root: yaml.MappingNode, path: str) -> int:
    """Counted from 0."""
    line, at = 0, root
    for key in path.split("."):
        ((line, at),) = [(name.start_mark.line, value) for name, value in at.value if name.value == key]
    return line


def typos(value: Any, schema: Object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of a key too many at every level where the keys are ours."""
    properties = resolve(schema).get("properties")
    if properties is None or (not value and path):
        return []
    below = [typo for key in value for typo in typos(value[key], properties[key], (*path, key))]
    return [(*path, "typo"), *below]


TYPOS = typos(VALUES, SCHEMA)


@pytest.mark.parametrize("path", TYPOS, ids=[".".join(path) for path in TYPOS])
def test_a_typo_is_an_error(path: tuple[str, ...], any_helm: str) -> None:
    with pytest.raises(HelmError, match="additional properties 'typo' not allowed"):
        template(any_helm, values=nest({".".join(path): 1}))


def test_every_level_is_closed() -> None:
    def open_levels(schema: Any) -> list[Any]:
        if isinstance(schema, list):
            return [level for one in schema for level in open_levels(one)]
        if not isinstance(schema, dict):
            return []
        mine = [schema] if "properties" in schema and schema.get("additionalProperties") is not False else []
        return mine + [level for one in schema.values() for level in open_levels(one)]

    assert open_levels(SCHEMA) == []


def test_schema_and_values_have_the_same_keys() -> None:
    def compare(value: Object, schema: Object) -> None:
        properties = resolve(schema).get("properties", {})
        if properties and value:
            assert list(value) == list(properties)
            for key in value:
                compare(value[key], properties[key])

    compare(VALUES, SCHEMA)


WRONG = [
    ("a number as a text", {"replicas": "2"}),
    ("a negative number of replicas", {"replicas": -1}),
    ("a port that is none", {"port": 65536}),
    ("a scope that there is not", {"webhook.scope": "namespace"}),
    ("a failure policy that there is not", {"webhook.failurePolicy": "ignore"}),
    ("more patience than the API server has", {"webhook.timeoutSeconds": 31}),
    ("a condition without an expression", {"webhook.matchConditions": [{"name": "some"}]}),
    ("a condition with a typo", {"webhook.matchConditions": [{"name": "some", "expression": "true", "typo": 1}]}),
    ("a CA that is not base64", {"existingSecret": "mine", "webhook.caBundle": "-----BEGIN"}),
    ("no GPU at all", {"gpuResources": []}),
    ("a GPU twice", {"gpuResources": ["a/b", "a/b"]}),
    ("a pod that waits", {"whenNothingFits": "hold"}),
    ("a duration as a text", {"shutdownDelaySeconds": "10s"}),
    ("a duration without a unit", {"certManager.duration": "2160"}),
    ("a digest that is none", {"image.digest": "latest"}),
    ("an image with a tag in its name", {"image.repository": "regionfit:latest"}),
    ("a host's name as an address", {"listenAddress": "localhost"}),
    ("an IPv6 address without brackets", {"listenAddress": "::"}),
    ("an argument that is no option", {"extraArgs": ["debug"]}),
    ("a secret without a name", {"imagePullSecrets": [{}]}),
    ("a secret with a typo", {"imagePullSecrets": [{"name": "a", "typo": 1}]}),
    ("an environment variable with a typo", {"extraEnv": [{"name": "a", "val": "b"}]}),
    ("an affinity with a typo", {"affinity": {"nodeAfinity": {}}}),
    ("a spread with a typo", {"topologySpreadConstraints": [{"topology": "a"}]}),
    ("a label with a number", {"podLabels": {"a": 1}}),
    ("a label that is none", {"commonLabels": {"-": "a"}}),
    ("an annotation with a number", {"podAnnotations": {"a": 1}}),
    ("a quantity that is none", {"resources.limits": {"memory": "1 GB"}}),
    ("a name that is none", {"fullnameOverride": "Fit"}),
    ("a name that is too long", {"fullnameOverride": "a" * 49}),
]


@pytest.mark.parametrize("given", [given for _, given in WRONG], ids=[name for name, _ in WRONG])
def test_what_a_value_can_not_be_is_an_error(given: dict[str, Any], any_helm: str) -> None:
    with pytest.raises(HelmError, match="values don't meet the specifications of the schema"):
        template(any_helm, values=nest(given))


TOGETHER = [
    ({"certManager.enabled": True, "existingSecret": "mine"}, "certManager.enabled and existingSecret exclude each"),
    ({"webhook.caBundle": "eA=="}, "webhook.caBundle goes with existingSecret alone"),
    ({"priorityClass.create": True}, "set priorityClass.name"),
    ({"metrics.enabled": False, "metrics.serviceMonitor.enabled": True}, "nothing to read without metrics.enabled"),
]


@pytest.mark.parametrize("given, said", TOGETHER, ids=[said for _, said in TOGETHER])
def test_what_does_not_go_together_is_an_error(given: dict[str, Any], said: str, any_helm: str) -> None:
    with pytest.raises(HelmError, match=said):
        template(any_helm, values=nest(given))
