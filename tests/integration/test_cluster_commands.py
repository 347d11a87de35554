"""`dry-run`, `lint` and `status` on what a cluster has: everything is read, nothing is written."""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from api_server import ApiServer
from binary import REGIONFIT, run
from objects import ACS, BEIJING, HANGZHOU, REGION, SERIES, Object, pod, policy, quota, unit
from server import write_manifests

Cluster = Callable[..., ApiServer]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    servers: list[ApiServer] = []

    def start(*objects: Object, **options: object) -> ApiServer:
        servers.append(ApiServer(tmp_path, *objects, **options))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.close()
        assert all(request.startswith("GET ") for request in server.requests), server.requests


def placed(name: str, region: str = BEIJING, **metadata: object) -> Object:
    """A live pod that holds one GPU of a pool, and was changed long ago."""
    labels = {"app": "demo", ACS: "true", REGION: region, SERIES: "GU8TF"}
    return pod(1, name=name, labels=labels, managedFields=[{"time": "2026-01-01T00:00:00Z"}], **metadata)


def ledger(*entries: Object) -> Object:
    return {
        "apiVersion": "regionfit.io/v1alpha1",
        "kind": "ReservationLedger",
        "metadata": {"name": "regionfit"},
        "spec": {"open": True, "fence": "1", "quotas": "1", "entries": list(entries)},
    }


def promise(gpus: int) -> Object:
    return {
        "id": "00ff1a527c1d4d7e9a506f2f0f3f8c11",
        "namespace": "default",
        "region": BEIJING,
        "series": "GU8TF",
        "placement": "default/fit#0",
        "gpus": gpus,
        "pods": 1,
    }


def lease(name: str, **annotations: str) -> Object:
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": name,
            "namespace": "system",
            "labels": {"regionfit.io/component": "replica"} if annotations else {},
            "annotations": {f"regionfit.io/{key}": value for key, value in annotations.items()},
        },
        "spec": {"holderIdentity": "regionfit-0", "renewTime": now, "leaseDurationSeconds": 15},
    }


WORLD = [policy(unit(BEIJING, max=5), unit(HANGZHOU)), quota(BEIJING, GU8TF=4), quota(HANGZHOU, GU8TF=1)]


# dry-run


def dry_run(server: ApiServer, folder: Path, *objects: Object, options: str = "") -> subprocess.CompletedProcess[str]:
    files = write_manifests(folder / "files", *objects)
    return run("dry-run", "--kubeconfig", str(server.kubeconfig), "-f", str(files), *options.split())


def outcomes(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The region of each pod, or why it has none."""
    return [outcome(json.loads(line)) for line in done.stdout.splitlines()]


def outcome(placing: Object) -> str:
    regions = [step["value"] for step in placing["patch"] if step["path"].endswith("serverless-region-id")]
    return regions[0] if regions else placing["outcome"]


def test_pods_of_the_cluster_hold_what_they_hold(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster(*WORLD, placed("a"), placed("b"), placed("c"))
    done = dry_run(server, tmp_path, pod(1, name="x"), pod(1, name="y"), pod(1, name="z"))
    assert outcomes(done) == [BEIJING, HANGZHOU, "denied"]
    assert done.returncode == 3


def test_what_is_promised_is_taken_as_well(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster(*WORLD, placed("a"), ledger(promise(3)))
    assert outcomes(dry_run(server, tmp_path, pod(1))) == [HANGZHOU]


def test_a_finished_pod_holds_nothing(cluster: Cluster, tmp_path: Path) -> None:
    done = {**placed("b"), "status": {"phase": "Succeeded"}}
    server = cluster(*WORLD, placed("a"), placed("c"), placed("d"), done)
    assert outcomes(dry_run(server, tmp_path, pod(1))) == [BEIJING]


def test_policies_and_quotas_in_files_go_before_those_of_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster(*WORLD)
    done = dry_run(server, tmp_path, quota(BEIJING, GU8TF=0), pod(1))
    assert outcomes(done) == [HANGZHOU]
    assert done.returncode == 0


def test_a_workload_without_a_namespace_is_in_that_of_the_context(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster(*WORLD)
    anywhere = pod(1)
    del anywhere["metadata"]["namespace"]
    assert outcomes(dry_run(server, tmp_path, anywhere)) == [BEIJING]
    assert outcomes(dry_run(server, tmp_path, anywhere, options="--context team")) == ["untouched"]
    assert outcomes(dry_run(server, tmp_path, anywhere, options="--context team -n default")) == [BEIJING]


def test_a_cluster_without_our_kinds_is_one_without_objects(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster(unknown=("ResourcePolicy", "RegionQuota", "ReservationLedger"))
    assert outcomes(dry_run(server, tmp_path, *WORLD, pod(1))) == [BEIJING]


def test_what_may_not_be_read_is_named(cluster: Cluster, tmp_path: Path) -> None:
    done = dry_run(cluster(*WORLD, forbidden="regionquotas"), tmp_path, pod(1))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "regionquotas is forbidden" in done.stderr


# lint


def lint(server: ApiServer, *options: str) -> subprocess.CompletedProcess[str]:
    return run("lint", "--kubeconfig", str(server.kubeconfig), *options)


def test_the_cluster_s_objects_are_linted_by_their_names(cluster: Cluster) -> None:
    wrong = policy({"resource": "acs", "max": -1}, name="wrong")
    done = lint(cluster(*WORLD, wrong))
    assert "default/wrong: error: spec.units[0].max: must be a non-negative integer, not -1\n" in done.stdout
    assert done.stdout.endswith("1 error, 0 warnings\n")
    assert done.returncode == 1


def test_files_are_held_against_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    server = cluster(*WORLD[1:], policy({"resource": "acs", "max": -1}, name="wrong"))
    files = write_manifests(tmp_path / "files", policy(unit(BEIJING, "L20"), name="new"))
    done = lint(server, "-f", str(files))
    assert "default/wrong" not in done.stdout
    assert "L20" in done.stdout, "the quota of the cluster does not offer it"


# status


def status(server: ApiServer, *options: str) -> subprocess.CompletedProcess[str]:
    return run("status", "--kubeconfig", str(server.kubeconfig), *options)


def full_cluster(cluster: Cluster) -> ApiServer:
    view = {"view": "1003", "ledger": "1001", "version": "0.1.0"}
    return cluster(
        *WORLD, placed("a"), placed("b"), ledger(promise(1)), lease("regionfit-0", **view), lease("regionfit")
    )


def test_a_table_shows_pools_policies_and_replicas(cluster: Cluster) -> None:
    done = status(full_cluster(cluster))
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [BEIJING, "GU8TF", "4", "2", "1", "1"] in rows
    assert [HANGZHOU, "GU8TF", "1", "0", "0", "1"] in rows
    assert ["default/fit", "0", "acs", f"{BEIJING}/GU8TF", "2", "5"] in rows
    assert any(row[:4] == ["system", "regionfit-0", "yes", "0.1.0"] and row[-1] == "2" for row in rows), done.stdout
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("form, read", [("json", json.loads), ("yaml", yaml.safe_load)])
def test_scripts_read_the_same(cluster: Cluster, form: str, read: Callable[[str], Object]) -> None:
    done = status(full_cluster(cluster), "-o", form)
    value = read(done.stdout)
    assert value["pools"][0] == {
        "region": BEIJING, "gpuModelSeries": "GU8TF", "limit": 4, "used": 2, "reserved": 1, "remaining": 1,
    }  # fmt: skip
    assert value["policies"][0]["units"][0]["pods"] == 2
    assert value["replicas"][0]["identity"] == "regionfit-0"
    assert value["replicas"][0]["leader"] is True
    assert value["faults"] == []
    assert done.returncode == 0


def test_what_is_malformed_is_shown(cluster: Cluster) -> None:
    done = status(cluster(*WORLD, policy(name="empty")), "-o", "json")
    assert json.loads(done.stdout)["faults"] == [
        {"object": "default/empty", "field": "spec.units", "message": "must list at least one unit"}
    ]
    assert done.returncode == 0


def test_watching_goes_on_until_it_is_interrupted(cluster: Cluster) -> None:
    server = cluster(*WORLD)
    command = [REGIONFIT, "status", "--watch", "--kubeconfig", str(server.kubeconfig), "-o", "yaml"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 20
    while sum("/leases?" in request for request in server.requests) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert len(list(yaml.safe_load_all(output))) >= 2


def test_an_api_server_that_is_not_there_is_named(cluster: Cluster) -> None:
    server = cluster()
    configuration = server.configuration()
    configuration["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    server.kubeconfig.write_text(json.dumps(configuration))
    done = status(server)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "127.0.0.1" in done.stderr


@pytest.mark.parametrize(
    "words, complaint",
    [
        ("status -o wide", '-o must be table, json or yaml, not "wide"'),
        ("status now", 'takes no argument "now"'),
        ("status --gpu-resource", "is no option, or lacks its value"),
        ("status --enforce-static", "is no option, or lacks its value"),
        ("lint", "-f is missing, or --kubeconfig"),
        ("dry-run --kubeconfig x", "-f is missing"),
    ],
)
def test_wrong_usage_is_told(words: str, complaint: str) -> None:
    done = run(*words.split())
    assert done.returncode == 2
    assert complaint in done.stderr


@pytest.mark.parametrize("command", ["status", "lint", "dry-run -f /dev/null"])
def test_a_kubeconfig_that_is_missing_is_named(command: str, tmp_path: Path) -> None:
    done = run(*command.split(), "--kubeconfig", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "nowhere" in done.stderr
