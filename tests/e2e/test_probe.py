"""`regionfit probe` through a real API server, with the webhook registered, away, and not registered at all."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster import Cluster
from kubectl import Kubectl
from pods import BEIJING, DATA, FREE, HANGZHOU, create, fill, pods, remaining
from process import wait_until
from webhook import Webhook

Probe = Callable[..., subprocess.CompletedProcess[str]]

OTHER = """
apiVersion: v1
kind: Pod
metadata: {name: other, labels: {app: other}}
spec: {containers: [{name: one, image: one}]}
"""


@pytest.fixture
def probe(regionfit: Path, cluster: Cluster) -> Probe:
    def run(*paths: Path | str, text: str = "") -> subprocess.CompletedProcess[str]:
        files = [word for path in paths for word in ("-f", str(path))]
        call = [str(regionfit), "probe", "--kubeconfig", str(cluster.kubectl.command[2]), *files]
        return subprocess.run(call, input=text, capture_output=True, text=True, timeout=60, check=False)

    return run


def test_a_pod_is_placed_and_nothing_is_created_or_promised(probe: Probe, webhook: Webhook, kubectl: Kubectl) -> None:
    for _ in range(3):
        done = probe(DATA / "pod.yaml")
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"default/single-: placed on default/inference#0, region {BEIJING}, series GU8TF\n"
    assert pods(kubectl) == [] and remaining(kubectl) == FREE


def test_a_deployment_goes_where_there_is_room_now(probe: Probe, webhook: Webhook, kubectl: Kubectl) -> None:
    create(kubectl, "pod.yaml")
    create(kubectl, "pod.yaml")
    done = probe(DATA / "deployment.yaml")
    assert done.returncode == 0, done.stderr
    assert f": placed on default/inference#1, region {HANGZHOU}, series GU8TF\n" in done.stdout
    fill_up = probe(DATA / "pod-static-region.yaml")
    assert (fill_up.returncode, fill_up.stdout) == (
        0, f"default/pinned-: let through as it is, region {BEIJING}, series GU8TF\n"
    )  # fmt: skip


def test_a_refusal_comes_with_the_verdicts(probe: Probe, webhook: Webhook, kubectl: Kubectl) -> None:
    fill(kubectl)
    done = probe(DATA / "pod.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("default/single-: refused: ")
    assert f"{BEIJING}/GU8TF: full: 1 GPU wanted, 0 of 2 remaining" in done.stdout
    assert f"{HANGZHOU}/GU8TF: full: 1 GPU wanted, 0 of 3 remaining" in done.stdout


def test_a_pod_of_no_policy_was_looked_at_and_one_that_does_not_fit_is_warned_of(
    probe: Probe, webhook: Webhook, kubectl: Kubectl
) -> None:
    done = probe("-", text=OTHER)
    assert (done.returncode, done.stdout) == (0, "default/other-: let through as it is\n"), done.stderr

    policies = webhook.manifests / "policies.yaml"
    policies.write_text(policies.read_text().replace("strategy: required", "strategy: prefer"))
    warned = wait_until("the policy is followed", lambda: warning(probe(DATA / "pod-too-large.yaml")))
    assert f"{BEIJING}/GU8TF: full: 100 GPUs wanted, 2 of 2 remaining" in warned


def warning(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.partition("let through as it is\n  warning: ")[2]


def test_with_a_webhook_that_is_away_or_not_registered_it_fails(
    probe: Probe, webhook: Webhook, kubectl: Kubectl
) -> None:
    webhook.stop()
    away = probe(DATA / "pod.yaml")
    assert away.returncode == 1
    assert 'failed calling webhook "placement.regionfit.io"' in away.stdout

    webhook.unregister(kubectl)
    gone = wait_until("it is not asked any more", lambda: unless_failed(probe(DATA / "pod.yaml")))
    assert gone.returncode == 1 and gone.stdout.startswith("default/single-: regionfit was not asked: ")


def unless_failed(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str] | None:
    return None if "not known" in done.stdout else done
