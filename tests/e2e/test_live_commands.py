"""dry-run, lint and status, asked about a live cluster. They change nothing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from api import PODS, Api
from live_cluster import LiveCluster
from objects import BEIJING, HANGZHOU, LEDGER, POLICIES, QUOTAS, entries, pod, policy, quota, static_pod, unit
from process import wait_until

pytestmark = pytest.mark.usefixtures("replicas")
APP = "inference"


class Regionfit:
    """The program as a person calls it, who may read everything."""

    def __init__(self, binary: Path, cluster: LiveCluster, api: Api) -> None:
        self.binary = binary
        self.cluster = cluster
        self.api = api

    def __call__(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        before = self.state()
        options = ["--kubeconfig", str(self.cluster.kubeconfig), "--context", "regionfit"]
        call = [str(self.binary), command, *options, *arguments]
        result = subprocess.run(call, capture_output=True, text=True, timeout=30, check=False)
        assert self.state() == before, "it writes nothing"
        return result

    def state(self) -> list[Any]:
        return [self.api.get(path)["items"] for path in (PODS, POLICIES)] + [self.api.get(LEDGER)["spec"]]

    def status(self) -> dict[str, Any]:
        result = self("status", "-o", "json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)


@pytest.fixture
def command(regionfit: Path, live: LiveCluster, api: Api) -> Regionfit:
    """Two pools, a policy, and three GPUs of five in use."""
    api.post(QUOTAS, quota(BEIJING, GU8TF=5))
    api.post(QUOTAS, quota(HANGZHOU, GU8TF=2, others=1))
    api.post(POLICIES, policy(APP, unit(BEIJING, max=4), unit(HANGZHOU)))
    api.post(PODS, static_pod(BEIJING, APP, "there", gpus=3))
    wait_until("it runs", lambda: api.get(f"{PODS}/there")["status"]["phase"] == "Running")
    wait_until("the replicas have nothing left to write", lambda: quotas_are_in_force(api) and not entries(api))
    return Regionfit(regionfit, live, api)


def quotas_are_in_force(api: Api) -> bool:
    """Their status says so once the ledger carries their version."""
    quotas = api.get(QUOTAS)["items"]
    return all(one.get("status", {}).get("observedGeneration") == one["metadata"]["generation"] for one in quotas)


def test_status_tells_pools_policies_and_replicas(command: Regionfit) -> None:
    status = command.status()

    assert [tuple(pool.values()) for pool in status["pools"]] == [
        (BEIJING, "GU8TF", 5, 3, 0, 2),
        (HANGZHOU, "*", 1, 0, 0, 1),
        (HANGZHOU, "GU8TF", 2, 0, 0, 2),
    ]
    (told,) = status["policies"]
    assert (told["namespace"], told["name"]) == ("default", APP)
    assert [(one["region"], one["pods"], one["max"]) for one in told["units"]] == [(BEIJING, 1, 4), (HANGZHOU, 0, None)]
    assert [one["identity"] for one in status["replicas"]] == ["replica-0", "replica-1", "replica-2"]
    assert sum(one["leader"] for one in status["replicas"]) == 1


def test_status_says_the_same_as_yaml_and_as_a_table(command: Regionfit) -> None:
    assert yaml.safe_load(command("status", "-o", "yaml").stdout)["pools"] == command.status()["pools"]

    table = command("status").stdout
    assert [BEIJING, "GU8TF", "5", "3", "0", "2"] in [line.split() for line in table.splitlines()]


def test_dry_run_places_by_what_the_cluster_has_left(command: Regionfit, tmp_path: Path) -> None:
    workload = tmp_path / "pods.yaml"
    workload.write_text(yaml.safe_dump_all([pod(APP, f"pod-{i}") for i in range(5)]))

    result = command("dry-run", "-f", str(workload))

    assert result.stdout.count(BEIJING) >= 2
    assert result.stdout.count(HANGZHOU) >= 2
    assert "0 of 5" in result.stdout + result.stderr, "the fifth fits nowhere"


def test_lint_reads_the_policies_of_the_cluster(command: Regionfit, api: Api) -> None:
    assert command("lint").returncode == 0

    api.post(POLICIES, policy("nowhere", unit("cn-nowhere")))

    assert "cn-nowhere" in "".join(command("lint").stdout)


def test_a_cluster_that_does_not_answer_is_an_error_that_names_it(regionfit: Path, tmp_path: Path) -> None:
    cluster = {"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "none", "context": {"cluster": "none"}}
    config = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "contexts": [context]}
    (tmp_path / "config").write_text(yaml.safe_dump({**config, "current-context": "none"}))

    for command in ("status", "lint"):
        call = [str(regionfit), command, "--kubeconfig", str(tmp_path / "config")]
        result = subprocess.run(call, capture_output=True, text=True, timeout=30, check=False)
        assert result.returncode not in (0, -6, -11)
        assert "127.0.0.1 port 1" in result.stderr
