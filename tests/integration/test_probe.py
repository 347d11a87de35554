"""`regionfit probe` before an API server that says what a test wants: what is sent, and what is made of the answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api_server import ApiServer, status
from binary import run
from objects import BEIJING, PLACEMENT, REGION, RESERVATION, SERIES, Object, container, pod
from server import write_manifests

DENIED = 'admission webhook "placement.regionfit.io" denied the request: '


class Cluster(ApiServer):
    """Takes pods. `answers` says by the pod's app what became of it: labels and annotations, or a refusal."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.answers: dict[str, Object | str] = {}
        self.warnings: list[str] = []
        self.sent: list[tuple[str, Object]] = []

    def write(self, method: str, target: str, body: bytes) -> tuple[int, Object, list[str]]:
        created = json.loads(body)
        self.sent.append((f"{method} {target}", created))
        metadata = created["metadata"]
        answer = self.answers.get(metadata["labels"]["app"], {})
        if isinstance(answer, str):
            return 403, status(403, "Forbidden", answer), self.warnings
        for key, values in answer.items():
            metadata[key] = {**metadata.get(key, {}), **values}
        return 201, created, self.warnings


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


def probe(cluster: Cluster, *objects: Object, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    manifests = write_manifests(cluster.kubeconfig.parent / "manifests", *objects)
    return run("probe", "--kubeconfig", cluster.kubeconfig, "-f", manifests, *options)


def on(placement: str) -> Object:
    return {
        "labels": {REGION: BEIJING, SERIES: "GU8TF"},
        "annotations": {RESERVATION: "", PLACEMENT: placement},
    }


def of(app: str, **metadata: Any) -> Object:
    return pod(labels={"app": app}, **metadata)


def workload(kind: str, app: str, **spec: Any) -> Object:
    template = {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container(1)]}}
    return {
        "apiVersion": "apps/v1" if kind != "Job" else "batch/v1",
        "kind": kind,
        "metadata": {"name": app, "namespace": "team"},
        "spec": {"selector": {"matchLabels": {"app": app}}, "template": template, **spec},
    }


def test_it_tells_what_became_of_each_pod(cluster: Cluster) -> None:
    cluster.answers = {
        "placed": on("default/inference#0"),
        "denied": DENIED + "no unit of policy default/inference fits",
        "left": {"annotations": {RESERVATION: ""}},
    }
    done = probe(cluster, of("placed"), of("denied"), of("left"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"default/demo-: placed on default/inference#0, region {BEIJING}, series GU8TF",
        "default/demo-: refused: no unit of policy default/inference fits",
        "default/demo-: let through as it is",
    ]
    assert done.stderr == ""


def test_a_pod_that_nobody_looked_at_is_a_failure(cluster: Cluster) -> None:
    cluster.answers = {"placed": on("default/inference#0")}
    done = probe(cluster, of("placed"), of("other"))
    assert done.returncode == 1
    assert "default/demo-: regionfit was not asked" in done.stdout


def test_a_refusal_of_somebody_else_is_a_failure_with_its_words(cluster: Cluster) -> None:
    cluster.answers = {"demo": "pods is forbidden: exceeded quota: gpus"}
    done = probe(cluster, of("demo"))
    assert done.returncode == 1
    assert "exceeded quota: gpus" in done.stdout


def test_warnings_are_shown(cluster: Cluster) -> None:
    cluster.answers = {"demo": {"annotations": {RESERVATION: ""}}}
    cluster.warnings = ['policy "default/fit": nothing fits', "and so on"]
    done = probe(cluster, of("demo"))
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == ['  warning: policy "default/fit": nothing fits', "  warning: and so on"]


def test_it_can_be_read_by_programs(cluster: Cluster) -> None:
    cluster.answers = {"placed": on("default/inference#0"), "denied": DENIED + "full"}
    done = probe(cluster, of("placed"), of("denied"), of("other"), options=("-o", "json"))
    assert done.returncode == 1
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["outcome"], one["asked"]) for one in found] == [
        ("placed", True), ("denied", True), ("not-asked", False)
    ]  # fmt: skip
    assert found[0] == {
        "pod": "default/demo-", "outcome": "placed", "asked": True, "placement": "default/inference#0",
        "region": BEIJING, "series": "GU8TF", "message": "", "warnings": [],
    }  # fmt: skip
    assert found[1]["message"] == "full"


# What is sent


def test_it_is_a_dry_run_of_a_pod_with_a_name_that_cannot_be_taken_and_no_owner(cluster: Cluster) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "demo", "uid": "1", "controller": True}
    probe(cluster, of("demo", ownerReferences=[owner], annotations={"team": "blue", PLACEMENT: "a/b#1"}))
    ((request, sent),) = cluster.sent
    assert request == "POST /api/v1/namespaces/default/pods?dryRun=All"
    metadata = sent["metadata"]
    assert metadata["generateName"] == "demo-" and "name" not in metadata and "ownerReferences" not in metadata
    assert metadata["annotations"].keys() == {"team", RESERVATION} and metadata["annotations"][RESERVATION]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job"])
def test_one_pod_stands_for_all_of_a_workload(cluster: Cluster, kind: str) -> None:
    many = {"parallelism": 3} if kind == "Job" else {"replicas": 3}
    probe(cluster, workload(kind, "trainer", **many))
    ((request, sent),) = cluster.sent
    assert request == "POST /api/v1/namespaces/team/pods?dryRun=All"
    assert sent["metadata"]["generateName"].startswith("trainer-") and "ownerReferences" not in sent["metadata"]
    assert sent["spec"]["containers"] == [container(1)]


@pytest.mark.parametrize(
    "options, namespace",
    [((), "default"), (("-n", "elsewhere"), "elsewhere"), (("--context", "team"), "team")],
    ids=["the context's", "that of -n", "the named context's"],
)
def test_a_pod_that_names_no_namespace_is_probed_in(
    cluster: Cluster, options: tuple[str, ...], namespace: str
) -> None:
    nowhere = of("demo")
    del nowhere["metadata"]["namespace"]
    probe(cluster, nowhere, options=options)
    assert cluster.sent[0][0].startswith(f"POST /api/v1/namespaces/{namespace}/pods?")


def test_a_pod_without_a_name_gets_one(cluster: Cluster) -> None:
    nameless = of("demo")
    del nameless["metadata"]["name"]
    probe(cluster, nameless)
    assert cluster.sent[0][1]["metadata"]["generateName"] == "pod-"


def test_policies_and_quotas_among_the_files_are_left_alone(cluster: Cluster) -> None:
    cluster.answers = {"demo": {"annotations": {RESERVATION: ""}}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    assert probe(cluster, config, of("demo")).returncode == 0
    assert len(cluster.sent) == 1


# What cannot work


def test_where_there_is_no_pod_nothing_is_known(cluster: Cluster) -> None:
    done = probe(cluster, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    assert (done.returncode, done.stdout) == (1, "") and "there is no pod" in done.stderr


def test_an_api_server_that_is_away_is_a_failure(cluster: Cluster, tmp_path: Path) -> None:
    configuration = cluster.configuration()
    configuration["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    cluster.kubeconfig.write_text(json.dumps(configuration))
    done = probe(cluster, of("demo"))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("regionfit probe: POST /api/v1/namespaces/default/pods")


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("", 2, "-f is missing"),
        ("-f pod.json -o yaml", 2, "-o must be text or json"),
        ("pod.json", 2, "files are given with -f"),
        ("-f nowhere", 1, "nowhere"),
    ],
)
def test_wrong_words_are_said(tmp_path: Path, words: str, status: int, said: str) -> None:
    (tmp_path / "pod.json").write_text(json.dumps(pod()))
    done = run("probe", *words.split(), cwd=tmp_path)
    assert done.returncode == status and said in done.stderr
