"""When a pod's GPUs come back: with its end, once, and to nobody else's profit.

What the API server asks during a pod's life is that of tests/data/reviews; the order of a graceful deletion (DELETE
with the pod as it is, then DELETE with deletionGracePeriodSeconds 0) is what a kube-apiserver does.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest

from conftest import Serve
from objects import (
    BEIJING,
    HANGZHOU,
    PLACEMENT,
    REGION,
    RESERVATION,
    SERIES,
    Object,
    creation,
    deletion,
    finished,
    patch_of,
    pod,
    policy,
    pool,
    quota,
    real,
    removal,
    reservation_of,
    review,
    stored_as,
    terminating,
    unit,
    update,
)
from server import JSON, Server


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve("--log-level", "debug", objects=pool(4))


def place(server: Server, gpus: int = 1) -> Object:
    stored = server.create(pod(gpus))
    assert stored
    return stored


def with_annotation(stored: Object, value: str) -> Object:
    changed = copy.deepcopy(stored)
    changed["metadata"]["annotations"][RESERVATION] = value
    return changed


def with_label(stored: Object, key: str, value: str) -> Object:
    changed = copy.deepcopy(stored)
    changed["metadata"]["labels"][key] = value
    return changed


Ask = Callable[[Object], Object]


@pytest.mark.parametrize(
    "ask, back",
    [
        pytest.param(deletion, 0, id="a wish to delete gives nothing back"),
        pytest.param(lambda stored: deletion(terminating(stored, grace=30)), 0, id="nor does a second wish"),
        pytest.param(lambda stored: update(stored, terminating(stored, 30)), 0, id="nor does the grace period"),
        pytest.param(removal, 2, id="the removal gives all of it back"),
        pytest.param(
            lambda stored: update(stored, finished(stored, "Succeeded"), subResource="status"), 2,
            id="success gives it back",
        ),
        pytest.param(
            lambda stored: update(stored, finished(stored, "Failed"), subResource="status"), 2,
            id="failure gives it back",
        ),
        pytest.param(
            lambda stored: update(stored, finished(stored, "Running"), subResource="status"), 0,
            id="running keeps it",
        ),
        pytest.param(
            lambda stored: update(stored, finished(stored, "Unknown"), subResource="status"), 0,
            id="a node that is out of reach keeps it",
        ),
        pytest.param(lambda stored: deletion(finished(stored, "Succeeded")), 2, id="a pod that is done is let go"),
        pytest.param(
            lambda stored: review("DELETE", None, stored, subResource="eviction"), 0, id="an eviction is only a wish"
        ),
        pytest.param(
            lambda stored: review("CREATE", {"kind": "Eviction"}, None, subResource="eviction"), 0,
            id="the creation of an eviction is not that of a pod",
        ),
        pytest.param(lambda stored: removal(stored, dryRun=True), 0, id="a removal that is only tried does not"),
        pytest.param(
            lambda stored: update(stored, finished(stored, "Failed"), subResource="status", dryRun=True), 0,
            id="a status that is only tried changes nothing",
        ),
        pytest.param(
            lambda stored: removal(stored, resource={"group": "apps", "version": "v1", "resource": "deployments"}), 0,
            id="the end of something else changes nothing",
        ),
    ],
)  # fmt: skip
def test_a_pod_gives_back_when_it_has_ended(server: Server, ask: Ask, back: int) -> None:
    stored = place(server, gpus=2)
    place(server)
    assert server.remaining() == 1

    response = server.send(ask(stored))
    assert response["allowed"] and "patch" not in response
    assert server.remaining() == 1 + back


def test_what_was_given_back_is_given_back_once(server: Server) -> None:
    stored, _other = place(server), place(server)
    for ask in (deletion, removal, removal, lambda one: update(one, finished(one, "Failed"), subResource="status")):
        assert server.send(ask(stored))["allowed"]
    assert server.remaining() == 3


def test_what_was_given_back_stays_so_after_a_crash(server: Server) -> None:
    first, _second = place(server), place(server)
    assert server.send(removal(first))["allowed"]
    server.kill()
    server.start()
    assert server.remaining() == 3


def test_the_life_of_a_real_pod_ends_with_its_last_review(serve: Serve) -> None:
    selector = {"app": "nginx-gpu-resourcepolicy"}
    server = serve(objects=[policy(unit(BEIJING), selector=selector), quota(BEIJING, GU8TF=3)])
    created = real("bare-two-gpus.json")
    stored = stored_as(created["request"]["object"], server.send(created))
    again = real("bare-two-gpus.json")
    for name, allowed in (("delete.json", False), ("delete-final.json", True)):
        asked = real(name)
        leaving = asked["request"]["oldObject"]["metadata"]
        leaving["labels"], leaving["annotations"] = stored["metadata"]["labels"], stored["metadata"]["annotations"]
        assert server.send(asked)["allowed"]
        assert server.send(again)["allowed"] == allowed


# Forgery


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda own, _: with_annotation(own, "0" * 32), id="an id that was never given out"),
        pytest.param(lambda own, _: with_annotation(own, ""), id="an empty id"),
        pytest.param(lambda own, _: with_annotation(own, "../../etc/passwd"), id="an id that is none"),
        pytest.param(lambda own, _: with_annotation(own, "x" * 100_000), id="an id of 100 kB"),
        pytest.param(lambda own, _: with_label(own, REGION, HANGZHOU), id="another region"),
        pytest.param(lambda own, _: with_label(own, SERIES, "T4"), id="another series"),
    ],
)
def test_a_forged_reservation_gives_nothing_back(
    server: Server, forge: Callable[[Object, Object], Object]
) -> None:
    own, other = place(server), place(server)
    assert server.send(removal(forge(own, other)))["allowed"]
    assert server.remaining() == 2


def test_the_reservation_of_another_namespace_cannot_be_given_back(server: Server) -> None:
    stored = place(server)
    elsewhere = copy.deepcopy(stored)
    elsewhere["metadata"]["namespace"] = "elsewhere"
    assert server.send(removal(elsewhere, namespace="elsewhere"))["allowed"]
    assert server.remaining() == 3


@pytest.mark.parametrize("labels", [{"app": "demo"}, {"app": "other"}, {"regionfit.io/ignore": "true"}],
                         ids=["that is placed", "that no policy selects", "that has opted out"])  # fmt: skip
def test_a_copied_reservation_does_not_survive_the_creation_of_a_pod(server: Server, labels: dict[str, str]) -> None:
    own = place(server)
    copied = pod(labels=labels, annotations=own["metadata"]["annotations"])
    response = server.send(creation(copied))
    stored = stored_as(copied, response)

    assert response["allowed"]
    assert reservation_of(stored) != reservation_of(own)
    before = server.remaining()
    assert server.send(removal(stored))["allowed"]
    assert server.remaining() == before + ("unit" in response["auditAnnotations"])
    assert server.send(removal(own))["allowed"]
    assert server.remaining() == 4


@pytest.mark.parametrize(
    "change, said",
    [
        pytest.param(lambda own: with_annotation(own, "f" * 32), RESERVATION, id="the reservation"),
        pytest.param(lambda own: with_annotation(own, ""), RESERVATION, id="the reservation to nothing"),
        pytest.param(lambda own: with_label(own, REGION, HANGZHOU), "the region", id="the region"),
        pytest.param(lambda own: with_label(own, SERIES, "T4"), "the GPU model series", id="the series"),
    ],
)
def test_what_a_pod_is_charged_for_cannot_be_changed(
    server: Server, change: Callable[[Object], Object], said: str
) -> None:
    own = place(server)
    refused = server.send(update(own, change(own)))

    assert not refused["allowed"]
    assert refused["status"]["code"] == 403
    assert said in refused["status"]["message"]
    assert server.remaining() == 3


def test_all_else_of_a_placed_pod_may_change(server: Server) -> None:
    own = place(server)
    changed = with_label(own, "team", "blue")
    changed["metadata"]["annotations"]["note"] = "hello"
    response = server.send(update(own, changed))

    assert response["allowed"] and "patch" not in response
    assert server.remaining() == 3


# Reviews that are only tried, and servers that only watch


def test_a_dry_run_review_is_decided_like_any_other_and_changes_no_count(server: Server) -> None:
    for _ in range(10):
        response = server.send(creation(pod(gpus=3), dryRun=True))
        assert response["auditAnnotations"]["reason"] == "placed"
        assert {operation["path"] for operation in patch_of(response)} > {"/spec/tolerations"}
        assert reservation_of(stored_as(pod(gpus=3), response)) == ""
    assert server.remaining() == 4
    assert server.send(real("server-dry-run.json"))["allowed"]
    assert not server.send(creation(pod(gpus=5), dryRun=True))["allowed"]
    server.stop()
    server.start()
    assert "reservations=0" in server.log()


def test_a_server_that_only_watches_logs_the_patch_and_reserves_nothing(serve: Serve) -> None:
    server = serve("--dry-run", objects=pool(1))
    asked = [creation(pod(name=f"pod-{i}")) for i in range(3)] + [creation(pod(gpus=2, name="large"))]
    for one in asked:
        assert server.send(one) == {"uid": one["request"]["uid"], "allowed": True}
    lines = [json.loads(line) for line in server.audit_path.read_text().splitlines()]

    assert [line["uid"] for line in lines] == [one["request"]["uid"] for one in asked]
    assert [line["pod"] for line in lines] == ["pod-0", "pod-1", "pod-2", "large"]
    assert [line["outcome"] for line in lines] == ["placed"] * 3 + ["denied"]
    assert "2 GPUs wanted, 1 of 1 remaining" in lines[3]["message"] and lines[3]["patch"] == []
    paths = [operation["path"] for operation in lines[0]["patch"]]
    assert f"/metadata/labels/{REGION.replace('/', '~1')}" in paths
    server.stop()
    server.start()
    assert "reservations=0" in server.log()


# Who is charged without being placed


def test_a_pod_that_names_its_own_region_is_charged_and_let_through(serve: Serve) -> None:
    server = serve(objects=[*pool(2), policy(unit(BEIJING), name="probe", selector={"app": "probe"})])
    static = pod(gpus=3, labels={REGION: BEIJING, SERIES: "GU8TF"})
    stored = server.create(static)

    assert stored
    assert stored["metadata"]["annotations"].keys() == {RESERVATION}
    assert server.remaining() == 0
    assert server.send(removal(stored))["allowed"]
    assert server.remaining() == 2


def test_with_enforce_static_it_is_refused_where_the_pool_is_full(serve: Serve) -> None:
    server = serve("--enforce-static", objects=pool(2))
    static = pod(gpus=2, labels={REGION: BEIJING, SERIES: "GU8TF"})
    assert server.send(creation(static))["allowed"]
    refused = server.send(creation(static))

    assert refused["status"]["code"] == 403
    assert "0 of 2 remaining" in refused["status"]["message"]
    assert refused["auditAnnotations"]["reason"] == "static-region-full"
    other = server.send(creation(pod(labels={REGION: BEIJING, SERIES: "T4"})))
    assert not other["allowed"] and "lists no GPU model series T4" in other["status"]["message"]


def test_a_pod_without_gpus_is_placed_where_the_pool_is_full(server: Server) -> None:
    place(server, gpus=4)
    assert server.create(pod(gpus=0))
    assert server.remaining() == 0


def test_a_pod_that_fits_nowhere_is_let_through_by_prefer_with_a_warning(serve: Serve) -> None:
    server = serve(objects=[policy(unit(BEIJING), strategy="prefer"), quota(BEIJING, GU8TF=0)])
    response = server.send(creation(pod()))

    assert response["allowed"] and "patch" not in response
    assert "1 GPU wanted, 0 of 0 remaining" in response["warnings"][0]


def test_max_counts_pods_that_are_not_on_their_way_out(serve: Serve) -> None:
    server = serve(objects=[policy(unit(BEIJING, max=1)), quota(BEIJING, GU8TF=10)])
    first = place(server)
    assert PLACEMENT in first["metadata"]["annotations"]
    refused = server.send(creation(pod()))
    assert "1 of max 1 pods" in refused["status"]["message"]
    assert server.send(deletion(first))["allowed"]
    assert server.send(creation(pod()))["allowed"]


def test_a_refused_body_is_no_promise(server: Server) -> None:
    broken = creation(pod())
    broken["request"]["object"]["spec"]["containers"] = "none"
    assert server.ask("POST", "/mutate", json.dumps(broken), JSON).status == 400
    assert server.remaining() == 4
