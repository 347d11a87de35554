"""What a running regionfit takes up, and what one that was ended finds again."""

from __future__ import annotations

import re

import pytest

from kubectl import Kubectl, KubectlError
from pods import (
    BEIJING,
    DATA,
    FREE,
    FULL,
    HANGZHOU,
    REGION,
    by_region,
    counts,
    create,
    delete,
    fill,
    pods,
    refusals_of_replica_set,
    remaining,
    wait_for,
)
from process import wait_until
from webhook import Webhook


def test_an_edited_file_is_in_force_a_second_later(kubectl: Kubectl, webhook: Webhook) -> None:
    quotas, policies = webhook.manifests / "quotas.yaml", webhook.manifests / "policies.yaml"

    quotas.write_text(quotas.read_text().replace("gpus: 2", "gpus: 7"))
    wait_until("the quota is 7", lambda: remaining(kubectl)[BEIJING] == (7, 7), timeout=3)

    policies.write_text(policies.read_text().replace("compute-qos: default", "compute-qos: best-effort"))

    def quality() -> str:
        return create(kubectl, "pod.yaml", "--dry-run=server")["metadata"]["labels"]["alibabacloud.com/compute-qos"]

    wait_until("pods get the new label", lambda: quality() == "best-effort", timeout=3)


def test_a_malformed_file_leaves_its_last_good_version_in_force(kubectl: Kubectl, webhook: Webhook) -> None:
    (webhook.manifests / "policies.yaml").write_text("kind: [unfinished\n")
    wait_until("the log names the file", lambda: "policies.yaml" in complaints(webhook), timeout=5)

    assert create(kubectl, "pod.yaml", "--dry-run=server")["metadata"]["labels"][REGION] == BEIJING


def complaints(webhook: Webhook) -> str:
    assert webhook.process
    return "\n".join(line for line in webhook.process.text().splitlines() if re.search("level=(warn|error)", line))


def test_a_restart_with_the_same_state_remembers_what_is_charged(kubectl: Kubectl, webhook: Webhook) -> None:
    first, second, third = (create(kubectl, "pod.yaml") for _ in range(3))
    before = remaining(kubectl)
    assert before == {BEIJING: (0, 2), HANGZHOU: (2, 3)}

    assert webhook.stop() == 0
    webhook.start()
    assert remaining(kubectl) == before

    delete(kubectl, second)
    delete(kubectl, third)
    assert remaining(kubectl) == {BEIJING: (1, 2), HANGZHOU: (3, 3)}
    delete(kubectl, first)
    assert remaining(kubectl) == FREE


def test_kill_9_in_the_middle_of_a_deployment_keeps_the_count(kubectl: Kubectl, webhook: Webhook) -> None:
    three = (DATA / "deployment.yaml").read_text().replace("replicas: 6", "replicas: 3")
    kubectl("create", "-f", "-", text=three)
    wait_for(kubectl, 3)

    webhook.kill()
    kubectl("scale", "deployment", "inference", "--replicas=6")
    wait_until("nobody answers", lambda: "failed calling webhook" in str(refusals_of_replica_set(kubectl)))
    webhook.start()

    assert counts(wait_for(kubectl, 5)) == {BEIJING: 2, HANGZHOU: 3}
    wait_until("the sixth is refused", lambda: "0 of 3 remaining" in str(refusals_of_replica_set(kubectl)))
    assert remaining(kubectl) == FULL


def test_kill_9_loses_nothing_that_was_answered(kubectl: Kubectl, webhook: Webhook) -> None:
    fill(kubectl)

    webhook.kill()
    with pytest.raises(KubectlError):
        create(kubectl, "pod.yaml")  # failurePolicy: Fail
    webhook.start()

    assert remaining(kubectl) == FULL
    delete(kubectl, by_region(pods(kubectl))[HANGZHOU][0])
    wait_for(kubectl, 5)
    assert remaining(kubectl) == FULL
