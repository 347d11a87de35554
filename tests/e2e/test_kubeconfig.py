"""Who regionfit is to a real API server, in the ways that a kubeconfig can say it."""

from __future__ import annotations

import copy
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from api import Api
from cluster import free_ports, write_private
from live_cluster import LiveCluster
from objects import BEIJING, QUOTAS, quota

PLUGIN = """#!/bin/sh
case $KUBERNETES_EXEC_INFO in *'"server":"https://127.0.0.1'*) ;; *) echo 'no cluster to log in to' >&2; exit 1;; esac
echo run >>"$RUNS"
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'"$(cat "$1")"'"}}'
"""


class Person:
    """Who has a kubeconfig like the admin's, but for what a test changes."""

    def __init__(self, regionfit: Path, live: LiveCluster, folder: Path) -> None:
        self.regionfit, self.folder = regionfit, folder
        self.config: dict[str, Any] = copy.deepcopy(yaml.safe_load(live.kubeconfig.read_text()))
        self.cluster = self.config["clusters"][0]["cluster"]
        write_private(folder / "token", live.token + "\n")

    def ask(self, user: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        self.config["users"] = [{"name": "admin", "user": user}]
        path = write_private(self.folder / "kubeconfig", yaml.safe_dump(self.config))
        command = [str(self.regionfit), "status", "-o", "json", "--kubeconfig", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def plugin(self, token_file: str) -> dict[str, Any]:
        """One that shows the token of a file, both in the kubeconfig's folder."""
        write_private(self.folder / "plugin", PLUGIN).chmod(0o700)
        return {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "interactiveMode": "Never",
                "command": "./plugin",
                "args": [str(self.folder / token_file)],
                "env": [{"name": "RUNS", "value": str(self.folder / "runs")}],
                "provideClusterInfo": True,
            }
        }


@pytest.fixture
def person(regionfit: Path, live: LiveCluster, api: Api, tmp_path: Path) -> Person:
    api.post(QUOTAS, quota(BEIJING, GU8TF=16))
    return Person(regionfit, live, tmp_path)


def check_answer(answer: subprocess.CompletedProcess[str]) -> None:
    assert answer.returncode == 0, answer.stderr
    assert BEIJING in json.dumps(json.loads(answer.stdout))


def check_refusal(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    assert answer.returncode == 1, answer.stdout
    assert all(word in answer.stderr for word in words), answer.stderr
    assert answer.stderr.count("\n") == 1, answer.stderr


def test_a_token(person: Person, live: LiveCluster) -> None:
    check_answer(person.ask({"token": live.token}))


def test_a_file_of_a_token(person: Person) -> None:
    check_answer(person.ask({"tokenFile": "token"}))


def test_a_plugin_is_run_once_for_all_calls(person: Person) -> None:
    check_answer(person.ask(person.plugin("token")))
    assert (person.folder / "runs").read_text().splitlines() == ["run"]


def test_a_plugin_that_fails(person: Person) -> None:
    user = person.plugin("token")
    user["exec"]["provideClusterInfo"] = False
    check_refusal(person.ask(user), "./plugin", "it exited with status 1: no cluster to log in to")


def test_an_unknown_token(person: Person) -> None:
    answer = person.ask({"token": "some-other-token"})
    check_refusal(answer, "GET /", ": 401 Unauthorized")
    assert "some-other-token" not in answer.stderr


def test_a_plugin_with_an_unknown_token_is_run_again(person: Person) -> None:
    write_private(person.folder / "other", "some-other-token")
    check_refusal(person.ask(person.plugin("other")), ": 401 Unauthorized")
    assert (person.folder / "runs").read_text().splitlines() == ["run", "run"]


def test_an_account_that_may_do_nothing(person: Person, live: LiveCluster) -> None:
    token = live.kubectl("create", "token", "default", "-n", "default").strip()
    check_refusal(
        person.ask({"token": token}), ": 403 Forbidden: ", 'User "system:serviceaccount:default:default" cannot'
    )


def test_a_server_that_another_ca_has_made(person: Person, live: LiveCluster) -> None:
    del person.cluster["certificate-authority"]
    started = time.monotonic()
    check_refusal(person.ask({"token": live.token}), "GET /", "certificate")
    assert time.monotonic() - started < 8


def test_nobody_listens(person: Person, live: LiveCluster) -> None:
    (port,) = free_ports(1)
    person.cluster["server"] = f"https://127.0.0.1:{port}"
    check_refusal(person.ask({"token": live.token}), "GET /", f"Failed to connect to 127.0.0.1 port {port}")
