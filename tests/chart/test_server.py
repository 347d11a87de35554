"""What is rendered, as an API server sees it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import yaml

from chart import CHART, NAMESPACE, Object, render
from kubectl import Kubectl, KubectlError
from process import wait_until
from sets import HOST, SETS
from tables import nest

Right = tuple[str, str, str]  # resource and group, name ("": any), verb

USER = f"system:serviceaccount:{NAMESPACE}:regionfit"


def applied(kubectl: Kubectl, objects: list[Object], *options: str) -> str:
    return kubectl("apply", "--server-side", *options, "-f", "-", text=yaml.safe_dump_all(objects))


@pytest.mark.parametrize("given", SETS.values(), ids=SETS.keys())
def test_the_api_server_takes_every_object_and_knows_every_field(
    given: dict[str, Any], helm: str, kubectl: Kubectl
) -> None:
    """Some of `helm test` need a namespace and an account that are among them, and so are there in a real run alone."""
    objects = render(helm, values=nest(given))
    for one in objects:
        if one["metadata"].get("namespace", "").endswith("-test"):
            one["metadata"]["namespace"] = NAMESPACE
        if one["kind"] == "Pod":
            one["spec"]["serviceAccountName"] = "default"

    said = applied(kubectl, objects, "--dry-run=server", "--validate=strict").splitlines()

    assert len(said) == len(objects)


@pytest.mark.parametrize("given", SETS.values(), ids=SETS.keys())
def test_its_pods_are_let_into_a_restricted_namespace(given: dict[str, Any], helm: str, kubectl: Kubectl) -> None:
    for pod in pods(
        render(helm, values=nest({**given, "serviceAccount.create": False, "priorityClass.create": False}))
    ):
        said = kubectl("apply", "-f", "-", "--dry-run=server", text=yaml.safe_dump(pod))
        assert "created (server dry run)" in said


def test_the_network_of_the_node_is_not_for_a_restricted_namespace(helm: str, kubectl: Kubectl) -> None:
    """Which shows that the pods of the test before were held to it."""
    pod, *_ = pods(render(helm, values=nest({**HOST, "serviceAccount.create": False})))
    with pytest.raises(KubectlError, match='violates PodSecurity "restricted:latest": host namespaces'):
        kubectl("apply", "-f", "-", "--dry-run=server", text=yaml.safe_dump(pod))


def pods(objects: list[Object]) -> list[Object]:
    """A replica, and the test's, as the API server would be asked for them, and the pod that the test asks for."""
    (deployment,) = (one for one in objects if one["kind"] == "Deployment")
    metadata = {"name": "replica", "namespace": NAMESPACE}
    found = [{"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": deployment["spec"]["template"]["spec"]}]
    found += [one for one in objects if one["kind"] == "Pod"]
    found += [yaml.safe_load(one["data"]["pod.yaml"]) for one in objects if one["kind"] == "ConfigMap"]
    for pod in found:
        pod["metadata"]["namespace"] = NAMESPACE
        pod["spec"]["serviceAccountName"] = "default"
        pod["spec"].pop("priorityClassName", None)
    return found


def documented(when: set[str]) -> set[Right]:
    """The rights in the README's table. Of those that not all have, `when` are meant."""
    text = (CHART / "README.md").read_text()
    table = text.partition("## What it may do\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    found = set()
    for group, resources, name, verbs, _, condition in rows[2:]:
        if condition in when:
            pairs = itertools.product(ticked(resources), ticked(verbs))
            found |= {(qualified(resource, group.strip("`")), name.strip("`"), verb) for resource, verb in pairs}
    return found


def ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def qualified(resource: str, group: str) -> str:
    """As kubectl writes it: regionquotas.regionfit.io/status."""
    plain, slash, subresource = resource.partition("/")
    return f"{plain}.{group}".rstrip(".") + slash + subresource


def allowed(kubectl: Kubectl, user: str) -> set[Right]:
    """As `kubectl auth can-i --list` prints them."""
    found = set()
    for line in kubectl("auth", "can-i", "--list", f"--as={user}", "-n", NAMESPACE).splitlines():
        match = re.fullmatch(r"(\S+) +\[\] +\[(\S*)\] +\[(.*)\]", line.strip())
        if match:
            found |= {(match[1], match[2], verb) for verb in match[3].split()}
    return found


MODES: list[tuple[str, dict[str, Any], set[str]]] = [
    ("it makes its certificates", {}, {"", "it registers the CA", "it makes certificates"}),
    ("cert-manager makes them", {"certManager.enabled": True}, {""}),
    ("they are in a Secret", {"existingSecret": "mine"}, {"", "it registers the CA"}),
    ("and the CA is known", {"existingSecret": "mine", "webhook.caBundle": "eA=="}, {""}),
]


@pytest.mark.parametrize("given, when", [(given, when) for _, given, when in MODES], ids=[name for name, _, _ in MODES])
def test_the_account_may_do_what_is_documented_and_nothing_else(
    given: dict[str, Any], when: set[str], helm: str, kubectl: Kubectl
) -> None:
    kinds = ("ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
    objects = [one for one in render(helm, "--no-hooks", values=nest(given)) if one["kind"] in kinds]
    anybody = allowed(kubectl, f"system:serviceaccount:{NAMESPACE}:nobody")
    expected = documented(when)

    applied(kubectl, objects)
    try:
        rights = wait_until("the roles are known", lambda: allowed(kubectl, USER) - anybody)
        assert rights == expected
    finally:
        kubectl("delete", "-f", "-", text=yaml.safe_dump_all(objects))
        wait_until("they are forgotten", lambda: allowed(kubectl, USER) == anybody)
