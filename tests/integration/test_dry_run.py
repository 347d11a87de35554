"""`regionfit dry-run`: what it reads, what it prints, its exit status, and that `serve` decides alike."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from binary import TOP, run
from conftest import Serve
from objects import (
    BEIJING,
    HANGZHOU,
    REGION,
    REVIEWS,
    SERIES,
    Object,
    container,
    creation,
    patch_of,
    pod,
    policy,
    pool,
    quota,
    real,
    unit,
)

EXAMPLES = TOP / "charts" / "regionfit" / "examples"
TEMPLATE = {"metadata": {"labels": {"app": "demo"}}, "spec": {"containers": [container(1)]}}
ID = re.compile(r"\b[0-9a-f]{32}\b")


def write(path: Path, *objects: Object) -> Path:
    """Several documents of one file."""
    path.write_text(yaml.safe_dump_all(objects))
    return path


def workload(kind: str, api_version: str = "apps/v1", **spec: Any) -> Object:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "work", "namespace": "default"},
        "spec": {"template": TEMPLATE, **spec},
    }


def cron_job(**spec: Any) -> Object:
    schedule = {"schedule": "@daily", "jobTemplate": {"spec": {"template": TEMPLATE, **spec}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "work"}, "spec": schedule}


def lines(path: Path, *options: str, status: int = 0) -> list[Object]:
    """One JSON object for each line that it printed."""
    done = run("dry-run", "-f", path, *options)
    assert done.returncode == status, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# What is placed


@pytest.mark.parametrize(
    "work, names",
    [
        pytest.param(pod(), ["demo"], id="a Pod is one"),
        pytest.param(workload("Deployment"), [r"work-[a-z0-9]+-"], id="a Deployment has one replica by default"),
        pytest.param(workload("Deployment", replicas=3), [rf"work-[a-z0-9]+-#{i}" for i in (1, 2, 3)],
                     id="a Deployment has replicas"),
        pytest.param(workload("Deployment", replicas=0), [], id="a Deployment may have none"),
        pytest.param(workload("ReplicaSet", replicas=2), ["work-#1", "work-#2"], id="a ReplicaSet has replicas"),
        pytest.param(workload("ReplicationController", "v1", replicas=2), ["work-#1", "work-#2"],
                     id="a ReplicationController has replicas"),
        pytest.param(workload("StatefulSet", replicas=2), ["work-0", "work-1"], id="a StatefulSet counts its pods"),
        pytest.param(workload("StatefulSet", replicas=2, ordinals={"start": 5}), ["work-5", "work-6"],
                     id="a StatefulSet may count from five"),
        pytest.param(workload("DaemonSet"), ["work-"], id="a DaemonSet counts as one pod"),
        pytest.param(workload("Job", "batch/v1"), ["work-"], id="a Job runs one pod by default"),
        pytest.param(workload("Job", "batch/v1", parallelism=3, completions=2), ["work-#1", "work-#2"],
                     id="a Job runs no more than are left to complete"),
        pytest.param(workload("Job", "batch/v1", parallelism=2, completionMode="Indexed", completions=2),
                     ["work-0-#1", "work-1-#2"], id="an Indexed Job counts its pods"),
        pytest.param(workload("Job", "batch/v1", parallelism=2, suspend=True), [], id="a suspended Job runs none"),
        pytest.param(cron_job(parallelism=2), ["work-#1", "work-#2"], id="a CronJob counts as one run"),
        pytest.param({"apiVersion": "v1", "kind": "List", "items": [pod(name="a"), workload("StatefulSet")]},
                     ["a", "work-0"], id="a List is what is in it"),
        pytest.param(workload("Deployment", "example.com/v1"), [], id="a Deployment of somebody else is none"),
    ],
)  # fmt: skip
def test_every_pod_that_a_workload_would_create_is_placed(tmp_path: Path, work: Object, names: list[str]) -> None:
    placed = lines(write(tmp_path / "all.yaml", *pool(100), work))

    assert len(placed) == len(names)
    for one, name in zip(placed, names):
        assert re.fullmatch(f"default/{name}", one["pod"])
        assert one["outcome"] == "placed"


def test_each_pod_sees_the_reservations_of_those_before_it(tmp_path: Path) -> None:
    units = policy(unit(BEIJING), unit(HANGZHOU))
    world = [units, quota(BEIJING, GU8TF=2), quota(HANGZHOU, GU8TF=1), workload("StatefulSet", replicas=4)]
    placed = lines(write(tmp_path / "all.yaml", *world), status=3)

    assert [one["outcome"] for one in placed] == ["placed"] * 3 + ["denied"]
    regions = [{op["path"].split("/")[-1]: op["value"] for op in one["patch"]} for one in placed[:3]]
    assert [labels[REGION.replace("/", "~1")] for labels in regions] == [BEIJING, BEIJING, HANGZHOU]
    assert "0 of 2 remaining; units[1]" in placed[3]["message"]


def test_files_may_come_in_any_order_and_from_anywhere(tmp_path: Path) -> None:
    write(tmp_path / "1-pods.yaml", workload("StatefulSet", replicas=2))
    write(tmp_path / "2-policy.yml", policy(unit(BEIJING)))
    (tmp_path / "3-quota.json").write_text(json.dumps(quota(BEIJING, GU8TF=1)))
    (tmp_path / "notes.txt").write_text("not a manifest")
    folder = run("dry-run", "-f", tmp_path)
    files = run("dry-run", *[word for name in ("3-quota.json", "1-pods.yaml", "2-policy.yml")
                             for word in ("-f", tmp_path / name)])  # fmt: skip
    piped = "---\n".join((tmp_path / name).read_text() for name in ("1-pods.yaml", "2-policy.yml"))
    stdin = run("dry-run", "-f", "-", f"--filename={tmp_path}/3-quota.json", input=piped)

    assert folder.returncode == files.returncode == stdin.returncode == 3
    assert mask(folder.stdout) == mask(files.stdout) == mask(stdin.stdout)
    assert [json.loads(line)["outcome"] for line in folder.stdout.splitlines()] == ["placed", "denied"]


def test_the_examples_are_placed(tmp_path: Path) -> None:
    done = run("dry-run", "-f", EXAMPLES / "manifests", "-f", EXAMPLES / "deployment.yaml")
    assert done.returncode == 3
    outcomes = [json.loads(line)["outcome"] for line in done.stdout.splitlines()]
    assert outcomes == ["placed"] * 5 + ["denied"]


@pytest.mark.parametrize(
    "objects, options, status, said",
    [
        pytest.param([*pool(1), pod()], [], 0, "", id="0 where every pod has its place"),
        pytest.param([*pool(1), pod(gpus=2)], [], 3, "", id="3 where a pod is refused"),
        pytest.param([policy(unit(BEIJING), strategy="prefer"), quota(BEIJING), pod()], [], 3, "",
                     id="3 where a pod is let through unplaced"),
        pytest.param([policy(unit(BEIJING), strategy="prefer"), quota(BEIJING), pod()],
                     ["--when-nothing-fits", "deny"], 3, "", id="3 where an option refuses it"),
        pytest.param([pod()], [], 0, "", id="0 where no policy is concerned"),
        pytest.param(pool(1), [], 0, "there is no pod to place", id="0 where there is nothing to do"),
        pytest.param([*pool(1), pod(), policy(unit(BEIJING), name="", selector={})], [], 1, "metadata.name",
                     id="1 where a policy is malformed, though all is placed"),
        pytest.param([*pool(1), pod(gpus=2), quota("")], [], 1, "metadata.name",
                     id="1 where a quota is malformed and a pod is refused"),
        pytest.param([*pool(1), pod(spec={"containers": 5})], [], 1, "", id="1 where a pod cannot be read"),
        pytest.param([*pool(1), workload("Deployment", replicas=-1)], [], 1, "spec.replicas",
                     id="1 where a workload cannot be read"),
    ],
)  # fmt: skip
def test_the_exit_status_tells(
    tmp_path: Path, objects: list[Object], options: list[str], status: int, said: str
) -> None:
    done = run("dry-run", "-f", write(tmp_path / "all.yaml", *objects), *options)
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    "words, status, said",
    [
        ("", 2, "-f is missing"),
        ("-f", 2, "lacks its value"),
        ("-f all.yaml -o xml", 2, '"xml"'),
        ("-f all.yaml extra", 2, '"extra"'),
        ("-f all.yaml --manifests all.yaml", 2, "--manifests"),
        ("-f all.yaml --when-nothing-fits hold", 2, "hold does not exist yet"),
        ("-f nowhere.yaml", 1, "nowhere.yaml"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, words: str, status: int, said: str) -> None:
    write(tmp_path / "all.yaml", *pool(1))
    done = run("dry-run", *words.split(), cwd=tmp_path)
    assert done.returncode == status
    assert said in done.stderr
    assert done.stdout == ""


# Forms


@pytest.fixture
def two_pods(tmp_path: Path) -> Path:
    created = pod(annotations={"note": "a: b\nc"}, spec={"nodeSelector": {"disk": "yes"}})
    return write(tmp_path / "all.yaml", *pool(1), created, pod(name="second"))


def form(path: Path, name: str) -> str:
    done = run("dry-run", "-f", path, "-o", name)
    assert (done.returncode, done.stderr) == (3, "")
    return done.stdout


def test_yaml_json_patch_and_review_tell_the_same(two_pods: Path) -> None:
    as_yaml = list(yaml.safe_load_all(form(two_pods, "yaml")))
    as_json = json.loads(form(two_pods, "json"))
    patches = [json.loads(line) for line in form(two_pods, "patch").splitlines()]
    reviews = [json.loads(line)["response"] for line in form(two_pods, "review").splitlines()]

    assert as_json["kind"] == "List"
    assert mask(as_yaml) == mask(as_json["items"])
    first = as_yaml[0]
    assert first["metadata"]["labels"][REGION] == BEIJING
    assert first["spec"]["nodeSelector"] == {"disk": "yes"}
    assert first["metadata"]["annotations"]["note"] == "a: b\nc"
    assert [mask(patch_of(one)) for one in reviews] == [mask(one["patch"]) for one in patches]
    assert [one["allowed"] for one in reviews] == [True, False]
    assert [one["uid"] for one in reviews] == [one["pod"] for one in patches] == ["default/demo", "default/second"]


def test_the_diff_is_one_that_git_applies(two_pods: Path, tmp_path: Path) -> None:
    alone = write(tmp_path / "alone.yaml", list(yaml.safe_load_all(two_pods.read_text()))[2])
    before = run("dry-run", "-f", alone, "-o", "yaml").stdout.removeprefix("---\n")
    (tmp_path / "default").mkdir()
    (tmp_path / "default" / "demo").write_text(before)
    difference = form(two_pods, "diff")
    subprocess.run(["git", "apply"], input=difference, text=True, cwd=tmp_path, check=True)
    after = yaml.safe_load((tmp_path / "default" / "demo").read_text())

    assert difference.startswith("--- a/default/demo\n+++ b/default/demo\n")
    assert mask(after) == mask(next(yaml.safe_load_all(form(two_pods, "yaml"))))


def test_explain_has_a_row_for_each_unit_and_pool(two_pods: Path) -> None:
    rows = [re.split(r"\s{2,}", line) for line in form(two_pods, "explain").splitlines()]

    assert rows[0] == ["POD", "UNIT", "WHERE", "VERDICT", "NUMBERS"]
    assert rows[1] == ["default/demo", "fit#0", "acs cn-beijing/GU8TF", "fits", "1 GPU wanted, 1 of 1 remaining"]
    assert rows[2] == ["default/second", "fit#0", "acs cn-beijing/GU8TF", "full", "1 GPU wanted, 0 of 1 remaining"]
    assert [BEIJING, "GU8TF", "1", "1", "0"] in rows
    assert "1 placed" in rows[-1][0]


# The same decisions as `serve`


def mask(value: Any) -> Any:
    """With the ids of reservations made equal, as they are random."""
    if isinstance(value, str):
        return ID.sub("ID", value)
    return json.loads(ID.sub("ID", json.dumps(value)))


def random_pod(choose: random.Random, number: int) -> Object:
    labels = {"app": choose.choice(["demo", "demo", "other", "grouped"])}
    for key, values in ((REGION, [BEIJING, HANGZHOU]), (SERIES, ["GU8TF", "T4", "L20"]), ("tenant", ["a", "b"])):
        if choose.random() < 0.3:
            labels[key] = choose.choice(values)
    spec: Object = {}
    if choose.random() < 0.2:
        spec["nodeSelector"] = {"topology.kubernetes.io/region": choose.choice([BEIJING, HANGZHOU])}
    if choose.random() < 0.2:
        spec["schedulerName"] = "ack-co-scheduler"
    return pod(gpus=choose.randrange(4), name=f"pod-{number}", labels=labels, spec=spec)


WORLD = [
    policy(unit(BEIJING, max=5), unit(HANGZHOU, maxResources={"nvidia.com/gpu": 7}), unit(HANGZHOU, "T4")),
    policy(unit(BEIJING), name="other", selector={"app": "other"}, strategy="prefer"),
    policy(unit(BEIJING, "T4"), name="twin", selector={"app": "other"}, strategy="prefer"),
    policy(unit(HANGZHOU, max=2), name="grouped", selector={"app": "grouped"}, matchLabelKeys=["tenant"]),
    quota(BEIJING, GU8TF=12, T4=3),
    quota(HANGZHOU, GU8TF=10, others=4),
]
OPTIONS = [[], ["--enforce-static", "--rewrite-scheduler"], ["--when-nothing-fits", "deny"]]


def served(serve: Serve, options: list[str], reviews: list[Object]) -> list[Object]:
    server = serve(*options, objects=WORLD)
    connection = server.connect()
    return [decoded(server.send(one, connection)) for one in reviews]


def decoded(response: Object) -> Object:
    """With the patch in plain sight, its id masked, and without the uid."""
    rest = {key: value for key, value in response.items() if key not in ("uid", "patch")}
    return mask({**rest, "patch": patch_of(response)})


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "no options")
@pytest.mark.parametrize("seed", range(3), ids=lambda seed: f"seed {seed}")
def test_pods_and_reviews_are_decided_as_serve_decides(
    serve: Serve, tmp_path: Path, options: list[str], seed: int
) -> None:
    choose = random.Random(seed)
    pods = [random_pod(choose, number) for number in range(60)]
    reviews = [creation(one) for one in pods]
    by_serve = served(serve, options, reviews)
    for name, objects in (("pods.yaml", pods), ("reviews.yaml", reviews)):
        path = write(tmp_path / name, *objects, *WORLD)
        responses = [one["response"] for one in lines(path, "-o", "review", *options, status=3)]
        assert [decoded(one) for one in responses] == by_serve
    assert len({json.dumps(one.get("auditAnnotations", {}).get("reason")) for one in by_serve}) >= 3


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "ReplicaSet"])
def test_the_pods_of_workloads_are_decided_as_serve_decides(serve: Serve, tmp_path: Path, kind: str) -> None:
    work = workload(kind, replicas=20)
    path = write(tmp_path / "all.yaml", work, *WORLD)
    unplaced = json.loads(run("dry-run", "-f", write(tmp_path / "alone.yaml", work), "-o", "json").stdout)["items"]
    by_serve = served(serve, [], [creation(one) for one in unplaced])
    responses = [one["response"] for one in lines(path, "-o", "review", status=3)]

    assert len(unplaced) == 20
    assert [decoded(one) for one in responses] == by_serve


def test_real_reviews_are_answered_as_serve_answers(serve: Serve, tmp_path: Path) -> None:
    reviews = [real(path.name) for path in sorted(REVIEWS.glob("*.json")) if not path.name.startswith("delete")]
    by_serve = served(serve, [], reviews)
    responses = [one["response"] for one in lines(write(tmp_path / "all.yaml", *WORLD, *reviews), "-o", "review")]

    assert [decoded(one) for one in responses] == by_serve
    assert [one["uid"] for one in responses] == [one["request"]["uid"] for one in reviews]
