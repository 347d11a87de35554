"""When the GPUs of a pod come back to their pool: not before it is gone for good, and only once."""

from __future__ import annotations

import pytest

from kubectl import Kubectl, KubectlError
from pods import (
    BEIJING,
    FREE,
    FULL,
    HANGZHOU,
    REGION,
    Pod,
    bind,
    by_region,
    counts,
    create,
    delete,
    fill,
    finish,
    name_of,
    patch,
    pods,
    remaining,
    wait_for,
    wait_gone,
)
from process import wait_until

pytestmark = pytest.mark.usefixtures("webhook")
ONE_TAKEN = {**FREE, BEIJING: (1, 2)}
BY_FORCE = ["--grace-period=0", "--force"]
NO_FINALIZERS = '{"metadata": {"finalizers": null}}'


def test_deleting_a_pod_lets_the_sixth_in_where_there_is_room_now(kubectl: Kubectl) -> None:
    first = fill(kubectl)
    known = {name_of(pod) for pod in first}

    delete(kubectl, by_region(first)[BEIJING][0])

    def new_ones() -> list[Pod]:
        items = pods(kubectl)
        return [pod for pod in items if len(items) == 5 and name_of(pod) not in known]

    (sixth,) = wait_until("the sixth pod is stored", new_ones)
    assert sixth["metadata"]["labels"][REGION] == BEIJING
    assert remaining(kubectl) == FULL


def test_a_deployment_scaled_to_zero_gives_everything_back_and_can_be_scaled_up_again(kubectl: Kubectl) -> None:
    fill(kubectl)

    kubectl("scale", "deployment", "inference", "--replicas=0")
    wait_gone(kubectl)
    assert remaining(kubectl) == FREE

    kubectl("scale", "deployment", "inference", "--replicas=5")
    assert counts(wait_for(kubectl, 5)) == {BEIJING: 2, HANGZHOU: 3}
    assert remaining(kubectl) == FULL


def test_deleting_the_deployment_gives_everything_back(kubectl: Kubectl) -> None:
    fill(kubectl)

    kubectl("delete", "deployment", "inference", "--cascade=foreground")

    wait_gone(kubectl)
    assert remaining(kubectl) == FREE


def test_deleting_a_deployment_with_a_static_region_gives_back_what_it_held(kubectl: Kubectl) -> None:
    create(kubectl, "deployment-static-region.yaml")
    wait_for(kubectl, 1, "pinned")
    assert remaining(kubectl) == ONE_TAKEN

    kubectl("delete", "deployment", "pinned", "--cascade=foreground")

    wait_gone(kubectl, "pinned")
    assert remaining(kubectl) == FREE


def test_deleting_a_namespace_gives_back_what_its_pods_held(kubectl: Kubectl, other_namespace: str) -> None:
    create(kubectl, "pod-static-region.yaml", "-n", other_namespace)
    create(kubectl, "pod-static-region.yaml", "-n", other_namespace)
    assert remaining(kubectl) == {**FREE, BEIJING: (0, 2)}

    kubectl("delete", "namespace", other_namespace)

    assert remaining(kubectl) == FREE


def test_a_scheduled_pod_keeps_its_gpu_through_its_grace_period_until_it_is_confirmed_gone(kubectl: Kubectl) -> None:
    pod = create(kubectl, "pod.yaml")
    bind(kubectl, pod)

    delete(kubectl, pod, "--wait=false")
    (still_there,) = pods(kubectl)
    assert still_there["metadata"]["deletionGracePeriodSeconds"] == 30
    assert remaining(kubectl) == ONE_TAKEN

    delete(kubectl, pod, *BY_FORCE)  # as the kubelet, when the containers have ended
    assert not pods(kubectl)
    assert remaining(kubectl) == FREE


def test_a_scheduled_pod_that_is_deleted_by_force_gives_back_at_once(kubectl: Kubectl) -> None:
    pod = create(kubectl, "pod.yaml")
    bind(kubectl, pod)

    delete(kubectl, pod, *BY_FORCE)

    assert not pods(kubectl)
    assert remaining(kubectl) == FREE


def test_a_scheduled_pod_that_is_evicted_gives_back_when_it_is_confirmed_gone(kubectl: Kubectl) -> None:
    pod = create(kubectl, "pod.yaml")
    bind(kubectl, pod)
    eviction = f'{{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {{"name": "{name_of(pod)}"}}}}'

    kubectl("create", "--raw", f"/api/v1/namespaces/default/pods/{name_of(pod)}/eviction", "-f", "-", text=eviction)
    assert remaining(kubectl) == ONE_TAKEN

    delete(kubectl, pod, *BY_FORCE)
    assert remaining(kubectl) == FREE


def test_a_deletion_that_is_only_tried_gives_nothing_back(kubectl: Kubectl) -> None:
    pod = create(kubectl, "pod.yaml")

    delete(kubectl, pod, "--dry-run=server")

    assert pods(kubectl)
    assert remaining(kubectl) == ONE_TAKEN


def test_a_pod_that_a_finalizer_holds_keeps_its_gpu_until_it_is_gone(kubectl: Kubectl) -> None:
    held = create(kubectl, "pod-finalizer.yaml")
    bind(kubectl, held)  # an unscheduled one that is deleted is marked Failed by the next round of garbage collection

    delete(kubectl, held, *BY_FORCE, "--wait=false")
    (still_there,) = pods(kubectl)
    assert "deletionTimestamp" in still_there["metadata"]
    assert remaining(kubectl) == ONE_TAKEN

    delete(kubectl, held, *BY_FORCE, "--wait=false")
    assert remaining(kubectl) == ONE_TAKEN, "a second deletion does not end it"
    kubectl("label", "pod", "held", "still=here")
    assert remaining(kubectl) == ONE_TAKEN, "nor does any other update"

    patch(kubectl, held, NO_FINALIZERS)
    assert not pods(kubectl)
    assert remaining(kubectl) == FREE


def test_losing_its_finalizer_does_not_end_a_pod_that_nobody_has_deleted(kubectl: Kubectl) -> None:
    patch(kubectl, create(kubectl, "pod-finalizer.yaml"), NO_FINALIZERS)

    assert pods(kubectl)
    assert remaining(kubectl) == ONE_TAKEN


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_finished_gives_back_what_it_held_once(kubectl: Kubectl, phase: str) -> None:
    pod = create(kubectl, "pod.yaml")
    other = create(kubectl, "pod.yaml")
    assert remaining(kubectl) == {**FREE, BEIJING: (0, 2)}

    finish(kubectl, pod, phase)
    assert remaining(kubectl) == ONE_TAKEN

    delete(kubectl, pod)
    assert remaining(kubectl) == ONE_TAKEN
    delete(kubectl, other)
    assert remaining(kubectl) == FREE


def test_each_pod_of_a_job_gives_back_when_it_succeeds(kubectl: Kubectl) -> None:
    create(kubectl, "job.yaml")
    (first,) = wait_for(kubectl, 1)
    assert remaining(kubectl) == ONE_TAKEN

    finish(kubectl, first)
    (second,) = (pod for pod in wait_for(kubectl, 2) if name_of(pod) != name_of(first))
    assert remaining(kubectl) == ONE_TAKEN, "the first has given back, the second has taken it"

    finish(kubectl, second)
    kubectl("wait", "job/training", "--for=condition=complete", "--timeout=30s")
    assert remaining(kubectl) == FREE
    kubectl("delete", "job", "training")
    wait_gone(kubectl)
    assert remaining(kubectl) == FREE


def test_a_job_that_is_deleted_gives_back_although_its_pod_has_a_finalizer(kubectl: Kubectl) -> None:
    create(kubectl, "job.yaml")
    (pod,) = wait_for(kubectl, 1)
    assert pod["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]

    kubectl("delete", "job", "training")

    wait_gone(kubectl)
    assert remaining(kubectl) == FREE


def test_a_phase_that_the_api_server_drops_gives_nothing_back(kubectl: Kubectl) -> None:
    pod = create(kubectl, "pod.yaml")

    patch(kubectl, pod, '{"status": {"phase": "Succeeded"}}')  # not the status subresource

    assert [one["status"]["phase"] for one in pods(kubectl)] == ["Pending"]
    assert remaining(kubectl) == ONE_TAKEN


@pytest.mark.parametrize("options", [(), ("--subresource=status",)], ids=["pod", "status"])
def test_a_deletion_timestamp_that_the_api_server_refuses_gives_nothing_back(
    kubectl: Kubectl, options: tuple[str, ...]
) -> None:
    pod = create(kubectl, "pod.yaml")
    gone = '{"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}}'

    with pytest.raises(KubectlError, match="field is immutable"):
        patch(kubectl, pod, gone, *options)

    assert remaining(kubectl) == ONE_TAKEN


@pytest.mark.parametrize(
    "change",
    [
        f'{{"metadata": {{"labels": {{"{REGION}": "{HANGZHOU}"}}}}}}',
        '{"metadata": {"labels": {"alibabacloud.com/gpu-model-series": "T4"}}}',
        '{"metadata": {"annotations": {"regionfit.io/reservation": null}}}',
    ],
    ids=["region", "series", "reservation"],
)
def test_what_a_placed_pod_is_charged_for_cannot_be_changed(kubectl: Kubectl, change: str) -> None:
    pod = create(kubectl, "pod.yaml")

    with pytest.raises(KubectlError, match="that regionfit has charged cannot be changed"):
        patch(kubectl, pod, change)

    delete(kubectl, pod)
    assert remaining(kubectl) == FREE
