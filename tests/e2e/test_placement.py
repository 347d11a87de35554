"""Pods in a real API server: 2 GPUs in the first region, 3 in the second, and policies that ask for them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cluster import Cluster, KubectlError
from conftest import DATA
from process import wait_until
from webhook import Webhook

BEIJING, HANGZHOU = "cn-beijing", "cn-hangzhou"
REGION = "alibabacloud.com/serverless-region-id"
RESERVATION, PLACEMENT = "regionfit.io/reservation", "regionfit.io/placement"
FREE = {BEIJING: (2, 2), HANGZHOU: (3, 3)}
FULL = {BEIJING: (0, 2), HANGZHOU: (0, 3)}


def apply(cluster: Cluster, name: str) -> None:
    cluster.kubectl("create", "-f", str(DATA / name))


def create(cluster: Cluster, name: str, *options: str) -> dict[str, Any]:
    return cluster.read("create", "-f", str(DATA / name), *options)


def delete(cluster: Cluster, pod: dict[str, Any], *options: str) -> None:
    cluster.kubectl("delete", "pod", pod["metadata"]["name"], *options)


def refusal(cluster: Cluster, name: str) -> str:
    with pytest.raises(KubectlError) as caught:
        create(cluster, name, "--dry-run=server")
    return str(caught.value)


def remaining(cluster: Cluster) -> dict[str, tuple[int, int]]:
    """What each region has left, of how much: as a pod is told that fits nowhere. Asking reserves nothing."""
    message = refusal(cluster, "pod-too-large.yaml")
    verdicts = re.findall(r"(cn-\w+)/GU8TF: full: 100 GPUs wanted, (\d+) of (\d+)", message)
    return {region: (int(rest), int(limit)) for region, rest, limit in verdicts}


def pods(cluster: Cluster, app: str = "inference") -> list[dict[str, Any]]:
    return cluster.read("get", "pods", "-l", f"app={app}")["items"]


def by_region(items: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {
        region: [pod for pod in items if pod["metadata"]["labels"].get(REGION) == region]
        for region in (BEIJING, HANGZHOU)
    }


def refusals_of_replica_set(cluster: Cluster) -> list[str]:
    """The messages of the FailedCreate events of the ReplicaSet that there is now."""
    uids = {one["metadata"]["uid"] for one in cluster.read("get", "replicasets")["items"]}
    events = cluster.read("get", "events", "--field-selector", "reason=FailedCreate")["items"]
    return [event["message"] for event in events if event["involvedObject"].get("uid") in uids]


def fill(cluster: Cluster) -> list[dict[str, Any]]:
    """Creates the Deployment of six; returns the pods once the sixth has been refused."""
    apply(cluster, "deployment.yaml")
    wait_until("the sixth pod is refused", lambda: refusals_of_replica_set(cluster))
    return wait_until("five pods are stored", lambda: five(pods(cluster)))


def five(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return items if len(items) == 5 else []


@pytest.mark.usefixtures("webhook")
def test_six_replicas_are_stored_two_and_three(cluster: Cluster) -> None:
    stored = by_region(fill(cluster))

    assert {region: len(items) for region, items in stored.items()} == {BEIJING: 2, HANGZHOU: 3}
    assert remaining(cluster) == FULL


@pytest.mark.usefixtures("webhook")
def test_a_placed_pod_is_stored_with_all_that_its_unit_adds(cluster: Cluster) -> None:
    stored = by_region(fill(cluster))

    for unit, (region, city) in enumerate([(BEIJING, "beijing"), (HANGZHOU, "hangzhou")]):
        for pod in stored[region]:
            labels, annotations = pod["metadata"]["labels"], pod["metadata"]["annotations"]
            assert labels == {
                "app": "inference",
                "pod-template-hash": labels["pod-template-hash"],
                "alibabacloud.com/acs": "true",
                "alibabacloud.com/compute-class": "gpu",
                "alibabacloud.com/compute-qos": "default",
                "alibabacloud.com/gpu-model-series": "GU8TF",
                REGION: region,
            }
            assert annotations == {
                "team.example.com/placed-in": city,
                PLACEMENT: f"default/inference#{unit}",
                RESERVATION: annotations[RESERVATION],
            }
            assert pod["spec"]["nodeSelector"] == {
                "type": "virtual-kubelet",
                "topology.kubernetes.io/region": region,
            }
            toleration = {"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}
            assert pod["spec"]["tolerations"].count(toleration) == 1


@pytest.mark.usefixtures("webhook")
def test_every_placed_pod_has_a_reservation_of_its_own(cluster: Cluster) -> None:
    reservations = [pod["metadata"]["annotations"][RESERVATION] for pod in fill(cluster)]

    assert all(reservations)
    assert len(set(reservations)) == 5


@pytest.mark.usefixtures("webhook")
def test_the_sixth_is_refused_with_the_verdict_of_each_unit_and_its_numbers(cluster: Cluster) -> None:
    fill(cluster)

    message = refusals_of_replica_set(cluster)[0]
    assert 'admission webhook "placement.regionfit.io" denied the request' in message
    assert re.search(r"cn-beijing/GU8TF: full: 1 GPU wanted, 0 of 2 remaining", message)
    assert re.search(r"cn-hangzhou/GU8TF: full: 1 GPU wanted, 0 of 3 remaining", message)


@pytest.mark.usefixtures("webhook")
def test_deleting_a_pod_lets_the_sixth_in_where_there_is_room_now(cluster: Cluster) -> None:
    first = fill(cluster)
    known = {pod["metadata"]["name"] for pod in first}
    gone = by_region(first)[BEIJING][0]

    delete(cluster, gone)

    def replaced() -> list[dict[str, Any]]:
        items = pods(cluster)
        return [pod for pod in items if len(items) == 5 and pod["metadata"]["name"] not in known]

    (sixth,) = wait_until("the sixth pod is stored", replaced)
    assert sixth["metadata"]["labels"][REGION] == BEIJING
    assert remaining(cluster) == FULL


@pytest.mark.usefixtures("webhook")
def test_deleting_the_deployment_gives_everything_back(cluster: Cluster) -> None:
    fill(cluster)

    cluster.kubectl("delete", "deployment", "inference", "--cascade=foreground")

    wait_until("all pods are gone", lambda: not pods(cluster))
    assert remaining(cluster) == FREE


@pytest.mark.usefixtures("webhook")
def test_a_pod_that_has_finished_gives_back_what_it_held(cluster: Cluster) -> None:
    pod = create(cluster, "pod.yaml")
    assert remaining(cluster)[BEIJING] == (1, 2)

    name = pod["metadata"]["name"]
    cluster.kubectl("patch", "pod", name, "--subresource=status", "-p", '{"status": {"phase": "Succeeded"}}')

    assert remaining(cluster) == FREE
    delete(cluster, pod)
    assert remaining(cluster) == FREE, "and gives it back only once"


@pytest.mark.usefixtures("webhook")
def test_a_static_region_is_stored_unchanged_and_its_gpus_are_missing_from_the_pool(cluster: Cluster) -> None:
    apply(cluster, "deployment-static-region.yaml")
    (pod,) = wait_until("its pod is stored", lambda: pods(cluster, "pinned"))

    labels = dict(pod["metadata"]["labels"])
    del labels["pod-template-hash"]
    assert labels == cluster.read("get", "deployment", "pinned")["spec"]["template"]["metadata"]["labels"]
    assert "nodeSelector" not in pod["spec"]
    assert remaining(cluster) == {**FREE, BEIJING: (1, 2)}

    cluster.kubectl("delete", "deployment", "pinned", "--cascade=foreground")
    wait_until("its pod is gone", lambda: not pods(cluster, "pinned"))
    assert remaining(cluster) == FREE


@pytest.mark.usefixtures("webhook")
def test_a_server_side_dry_run_is_placed_and_changes_no_count(cluster: Cluster) -> None:
    for _ in range(8):
        pod = create(cluster, "pod.yaml", "--dry-run=server")
        assert pod["metadata"]["labels"][REGION] == BEIJING

    assert remaining(cluster) == FREE
    assert not pods(cluster)


@pytest.mark.usefixtures("webhook")
def test_a_pod_that_a_finalizer_holds_keeps_its_gpu_until_it_is_gone(cluster: Cluster) -> None:
    held = create(cluster, "pod-finalizer.yaml")
    delete(cluster, held, "--wait=false")

    (still_there,) = pods(cluster)
    assert "deletionTimestamp" in still_there["metadata"]
    assert remaining(cluster)[BEIJING] == (1, 2)

    cluster.kubectl("patch", "pod", "held", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    wait_until("the pod is gone", lambda: not pods(cluster))
    assert remaining(cluster) == FREE


def test_an_edited_file_is_in_force_a_second_later(cluster: Cluster, webhook: Webhook) -> None:
    quotas, policies = webhook.manifests / "quotas.yaml", webhook.manifests / "policies.yaml"

    quotas.write_text(quotas.read_text().replace("gpus: 2", "gpus: 7"))
    wait_until("the quota is 7", lambda: remaining(cluster)[BEIJING] == (7, 7), timeout=3)

    policies.write_text(policies.read_text().replace("compute-qos: default", "compute-qos: best-effort"))

    def quality() -> str:
        return create(cluster, "pod.yaml", "--dry-run=server")["metadata"]["labels"]["alibabacloud.com/compute-qos"]

    wait_until("pods get the new label", lambda: quality() == "best-effort", timeout=3)


def test_a_malformed_file_leaves_its_last_good_version_in_force(cluster: Cluster, webhook: Webhook) -> None:
    assert webhook.process
    policies = webhook.manifests / "policies.yaml"

    policies.write_text("kind: [unfinished\n")
    wait_until("the log names the file", lambda: "policies.yaml" in last_warnings(webhook), timeout=5)

    assert create(cluster, "pod.yaml", "--dry-run=server")["metadata"]["labels"][REGION] == BEIJING


def last_warnings(webhook: Webhook) -> str:
    assert webhook.process
    return "\n".join(line for line in webhook.process.text().splitlines() if re.search("level=(warn|error)", line))


def test_a_restart_with_the_same_state_remembers_what_is_charged(cluster: Cluster, webhook: Webhook) -> None:
    create(cluster, "pod.yaml")
    second = create(cluster, "pod.yaml")
    third = create(cluster, "pod.yaml")
    before = remaining(cluster)
    assert before == {BEIJING: (0, 2), HANGZHOU: (2, 3)}

    assert webhook.stop() == 0
    webhook.start()
    assert remaining(cluster) == before

    delete(cluster, second)
    delete(cluster, third)
    assert remaining(cluster) == {BEIJING: (1, 2), HANGZHOU: (3, 3)}


def test_kill_9_loses_nothing_that_was_answered(cluster: Cluster, webhook: Webhook) -> None:
    fill(cluster)

    webhook.kill()
    with pytest.raises(KubectlError):
        create(cluster, "pod.yaml")  # failurePolicy: Fail
    webhook.start()

    assert remaining(cluster) == FULL
    delete(cluster, by_region(pods(cluster))[HANGZHOU][0])
    wait_until("the freed GPU is taken again", lambda: remaining(cluster) == FULL and five(pods(cluster)))
