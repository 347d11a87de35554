"""Where a real API server stores pods: 2 GPUs in the first region, 3 in the second, a policy that asks for them."""

from __future__ import annotations

import re

import pytest

from kubectl import Kubectl
from pods import (
    BEIJING,
    FREE,
    FULL,
    HANGZHOU,
    PLACEMENT,
    REGION,
    RESERVATION,
    Pod,
    by_region,
    counts,
    create,
    fill,
    pods,
    refusals_of_replica_set,
    remaining,
    wait_for,
)

pytestmark = pytest.mark.usefixtures("webhook")


def test_six_replicas_are_stored_two_and_three(kubectl: Kubectl) -> None:
    assert counts(fill(kubectl)) == {BEIJING: 2, HANGZHOU: 3}
    assert remaining(kubectl) == FULL


def test_the_sixth_is_refused_with_the_verdict_of_each_unit_and_its_numbers(kubectl: Kubectl) -> None:
    fill(kubectl)

    message = refusals_of_replica_set(kubectl)[0]
    assert 'admission webhook "placement.regionfit.io" denied the request' in message
    assert re.search(r"cn-beijing/GU8TF: full: 1 GPU wanted, 0 of 2 remaining", message)
    assert re.search(r"cn-hangzhou/GU8TF: full: 1 GPU wanted, 0 of 3 remaining", message)


def test_a_placed_pod_is_stored_with_all_that_its_unit_adds(kubectl: Kubectl) -> None:
    stored = by_region(fill(kubectl))

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


def test_every_placed_pod_has_a_reservation_of_its_own(kubectl: Kubectl) -> None:
    reservations = [pod["metadata"]["annotations"][RESERVATION] for pod in fill(kubectl)]

    assert all(reservations)
    assert len(set(reservations)) == 5


def test_a_deployment_with_a_static_region_is_stored_unchanged_and_its_gpu_is_missing_from_the_pool(
    kubectl: Kubectl,
) -> None:
    create(kubectl, "deployment-static-region.yaml")
    (pod,) = wait_for(kubectl, 1, "pinned")

    labels = dict(pod["metadata"]["labels"])
    del labels["pod-template-hash"]
    assert labels == kubectl.read("get", "deployment", "pinned")["spec"]["template"]["metadata"]["labels"]
    assert "nodeSelector" not in pod["spec"]
    assert remaining(kubectl) == {**FREE, BEIJING: (1, 2)}

    assert counts(fill_beside_one(kubectl)) == {BEIJING: 1, HANGZHOU: 3}


def fill_beside_one(kubectl: Kubectl) -> list[Pod]:
    """As fill(), where something else holds one GPU of the five."""
    create(kubectl, "deployment.yaml")
    return wait_for(kubectl, 4)


def test_a_pod_with_a_static_region_is_let_through_and_charged_even_where_the_pool_is_full(kubectl: Kubectl) -> None:
    pinned = [create(kubectl, "pod-static-region.yaml") for _ in range(3)]

    for pod in pinned:
        assert pod["metadata"]["labels"] == {
            "app": "pinned",
            "alibabacloud.com/gpu-model-series": "GU8TF",
            REGION: BEIJING,
        }
        assert "nodeSelector" not in pod["spec"]
    assert create(kubectl, "pod.yaml")["metadata"]["labels"][REGION] == HANGZHOU


def test_a_server_side_dry_run_is_placed_and_changes_no_count(kubectl: Kubectl) -> None:
    for _ in range(8):
        pod = create(kubectl, "pod.yaml", "--dry-run=server")
        assert pod["metadata"]["labels"][REGION] == BEIJING

    assert remaining(kubectl) == FREE
    assert not pods(kubectl)


def test_a_pod_of_a_namespace_without_a_policy_is_stored_untouched(kubectl: Kubectl, other_namespace: str) -> None:
    pod = create(kubectl, "pod.yaml", "-n", other_namespace)

    assert pod["metadata"]["labels"] == {"app": "inference"}
    assert "annotations" not in pod["metadata"]
    assert "nodeSelector" not in pod["spec"]
    assert "virtual-kubelet.io/provider" not in [one["key"] for one in pod["spec"]["tolerations"]]
    assert remaining(kubectl) == FREE
