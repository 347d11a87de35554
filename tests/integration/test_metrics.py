"""What Prometheus reads, parsed by its own client library."""

from __future__ import annotations

import http.client
import json
import re
import signal
import ssl
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from binary import run
from conftest import Serve
from load import Load
from objects import BEIJING, REGION, SERIES, creation, pod, policy, pool, quota, unit
from server import JSON, Answer, Server, wait_until, write_manifests

METRICS = ("--metrics", "127.0.0.1:0")
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def ask(server: Server, method: str, path: str) -> Answer:
    """On the port of metrics."""
    address = server.wait_for_log(r"msg=metrics address=127\.0\.0\.1:(\d+)")
    connection = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=30)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def samples(server: Server) -> Samples:
    families = text_string_to_metric_families(ask(server, "GET", "/metrics").text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value for one in families for sample in one.samples
    }


def value(server: Server, name: str, **labels: str) -> float:
    return samples(server)[name, frozenset(labels.items())]


def decisions(server: Server, dry_run: str = "false") -> dict[str, float]:
    """Those that are not 0."""
    found = {
        dict(labels)["outcome"]: number
        for (name, labels), number in samples(server).items()
        if name == "regionfit_decisions_total" and dict(labels)["dry_run"] == dry_run and number
    }
    return found


def responses(server: Server) -> dict[str, float]:
    return {
        dict(labels)["code"]: number
        for (name, labels), number in samples(server).items()
        if name == "regionfit_responses_total" and number
    }


def reviews(server: Server) -> float:
    return value(server, "regionfit_review_duration_seconds_count")


# The format


def test_every_metric_is_described_once_and_has_samples(serve: Serve) -> None:
    server = serve(*METRICS, objects=pool(1))
    answer = ask(server, "GET", "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"

    families = list(text_string_to_metric_families(answer.text))
    names = [family.name for family in families]
    assert len(names) == len(set(names)) == answer.text.count("# HELP ") == answer.text.count("# TYPE ")
    for family in families:
        assert family.documentation.endswith(".") and family.samples
        assert family.type in ("counter", "gauge", "histogram"), family.name
        assert re.fullmatch(r"(regionfit|process)_[a-z_]+", family.name)
        assert len({str(sample.labels) + sample.name for sample in family.samples}) == len(family.samples)


def test_a_name_ends_in_its_unit_and_a_counters_in_total(serve: Serve) -> None:
    text = ask(serve(*METRICS, objects=pool(1)), "GET", "/metrics").text
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE):
        assert name.endswith("_total") == (kind == "counter")


def test_no_sample_is_added_for_a_pod_or_a_policy(serve: Serve) -> None:
    server = serve(*METRICS, objects=pool(1000))
    before = samples(server).keys()
    for i in range(20):
        server.send(creation(pod(name=f"pod-{i}", namespace=f"namespace-{i}"), namespace=f"namespace-{i}"))
    write_manifests(server.manifests, *pool(1000), policy(unit(BEIJING), name="another"))
    assert samples(server).keys() == before


# What is counted


def test_decisions_are_counted_by_what_became_of_the_pod(serve: Serve) -> None:
    prefer = policy(unit(BEIJING), name="prefer", selector={"app": "prefer"}, strategy="prefer")
    server = serve(*METRICS, objects=[*pool(3), prefer])
    asked = [
        pod(gpus=1),
        pod(gpus=1),
        pod(gpus=9),
        pod(labels={"app": "other"}),
        pod(labels={REGION: BEIJING, SERIES: "GU8TF"}),
        pod(gpus=9, labels={"app": "prefer"}),
    ]
    for one in asked:
        server.send(creation(one))
    server.send(creation(pod(gpus=1), dryRun=True))

    assert decisions(server) == {"placed": 2, "denied": 1, "untouched": 1, "charged": 1, "unplaced": 1}
    assert decisions(server, dry_run="true") == {"denied": 1}
    assert value(server, "regionfit_ledger_reservations") == 3
    assert reviews(server) == 7


def test_only_the_creation_of_a_pod_is_a_decision(serve: Serve) -> None:
    server = serve(*METRICS, objects=pool(3))
    stored = server.create(pod())
    assert stored
    for operation in ("DELETE", "UPDATE", "CONNECT"):
        document = creation(stored)
        document["request"].update(operation=operation, oldObject=stored)
        server.send(document)
    assert decisions(server) == {"placed": 1}
    assert reviews(server) == 4


def test_a_server_that_only_watches_counts_what_it_would_have_decided(serve: Serve) -> None:
    server = serve(*METRICS, "--dry-run", objects=pool(1))
    server.send(creation(pod(gpus=2)))
    assert decisions(server) == {"denied": 1}


def test_answers_are_counted_by_status_and_probes_are_not(serve: Serve) -> None:
    server = serve(*METRICS, objects=pool(3))
    assert responses(server) == {}, "the readiness that the test asked for"
    server.send(creation(pod()))
    server.ask("GET", "/livez")
    server.ask("POST", "/mutate", "{", JSON)
    server.ask("POST", "/mutate", "{}", {"Content-Type": "text/plain"})
    server.ask("GET", "/mutate")
    server.ask("GET", "/nowhere")
    server.ask("GET", "/nowhere")
    assert responses(server) == {"200": 1, "400": 1, "404": 2, "405": 1, "415": 1}
    assert reviews(server) == 2, "what was refused for its headers was no review"


def test_a_request_is_in_flight_until_it_ends_and_unanswered_where_its_body_never_comes(serve: Serve) -> None:
    server = serve(*METRICS, "--request-timeout", "2s", objects=pool(3))
    with server.open_tls() as connection:
        connection.sendall(b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 1000\r\n\r\n{")  # fmt: skip
        wait_until("it is in flight", lambda: value(server, "regionfit_requests_in_flight") == 1)
        wait_until("it is not", lambda: value(server, "regionfit_requests_in_flight") == 0)
    assert value(server, "regionfit_requests_unanswered_total") == 1
    assert responses(server) == {} and reviews(server) == 0


def test_the_duration_of_a_review_is_that_of_its_body_too(serve: Serve) -> None:
    server = serve(*METRICS, objects=pool(3))
    body = json.dumps(creation(pod())).encode()
    connection = server.connect()
    connection.putrequest("POST", "/mutate")
    for name, content in {**JSON, "Content-Length": str(len(body))}.items():
        connection.putheader(name, content)
    connection.endheaders(body[:10])
    wait_until("its head has arrived", lambda: value(server, "regionfit_requests_in_flight") == 1)
    time.sleep(0.6)
    connection.send(body[10:])
    assert connection.getresponse().status == 200
    wait_until("it has ended", lambda: reviews(server) == 1)

    found = samples(server)
    buckets = {
        float(dict(labels)["le"]): count
        for (name, labels), count in found.items()
        if name == "regionfit_review_duration_seconds_bucket"
    }
    assert [buckets[bound] for bound in sorted(buckets)] == sorted(buckets.values()), "they are cumulative"
    assert buckets[0.5] == 0 and buckets[10.0] == buckets[float("inf")] == 1
    assert 0.6 <= found["regionfit_review_duration_seconds_sum", frozenset()] < 10


def test_it_says_what_runs_and_since_when(serve: Serve) -> None:
    before = time.time()
    server = serve(*METRICS, objects=pool(3))
    assert value(server, "regionfit_build_info", version=run("version").stdout.split()[1]) == 1
    assert before - 1 <= value(server, "process_start_time_seconds") <= time.time()
    assert value(server, "regionfit_ledger_obstacle_seconds") == 0
    assert value(server, "regionfit_ledger_late_pods_total") == 0


def test_it_says_when_the_certificate_that_is_served_expires(serve: Serve) -> None:
    server = serve(*METRICS, objects=pool(3))

    def check() -> bool:
        with server.open_tls() as connection:
            shown = ssl.cert_time_to_seconds(connection.getpeercert()["notAfter"])  # type: ignore[index, arg-type]
        return value(server, "regionfit_certificate_expiration_timestamp_seconds") == shown

    assert check()
    renewed = run("certs", "renew", server.state / "certs", "--days", "3", "--force")
    assert renewed.returncode == 0, renewed.stderr
    in_3_days = time.time() + 3 * 24 * 3600
    name = "regionfit_certificate_expiration_timestamp_seconds"
    wait_until("it is served", lambda: abs(value(server, name) - in_3_days) < 3600)
    assert check()


def test_what_is_counted_under_load_is_what_was_answered(serve: Serve) -> None:
    server = serve(*METRICS, objects=pool(10**6))
    with Load(server, 16) as load:
        for _ in range(20):
            samples(server)
    assert load.failures == []
    wait_until("all have ended", lambda: value(server, "regionfit_requests_in_flight") == 0)
    assert decisions(server) == {"placed": len(load.answered)}
    assert reviews(server) == responses(server)["200"] == len(load.answered)


# The port


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_it_answers_head_as_get_without_a_body(serve_once: Serve, path: str) -> None:
    server = serve_once(*METRICS, objects=pool(1))
    answer = ask(server, "HEAD", path)
    assert answer.status == 200 and answer.body == b"" and int(answer.headers["Content-Length"]) > 0


def test_it_takes_neither_reviews_nor_other_methods(serve_once: Serve) -> None:
    server = serve_once(*METRICS, objects=pool(1))
    refused = ask(server, "POST", "/metrics")
    assert refused.status == 405 and refused.headers["Allow"] == "GET, HEAD"
    assert ask(server, "GET", "/mutate").status == 404
    assert server.ask("GET", "/metrics").status == 404, "nor are metrics served to whoever speaks TLS"


def test_it_tells_of_health_and_goes_on_until_the_end(serve: Serve) -> None:
    server = serve(*METRICS, "--shutdown-delay", "60s", objects=pool(1))
    assert ask(server, "GET", "/livez").text == "ok"
    assert ask(server, "GET", "/readyz").status == 200
    server.signal(signal.SIGTERM)
    unready = wait_until("it is unready", lambda: unless(ask(server, "GET", "/readyz"), 200))
    assert unready.status == 503 and "shutting down" in unready.text
    server.create(pod())
    assert decisions(server) == {"placed": 1}


def unless(answer: Answer, status: int) -> Answer | None:
    return answer if answer.status != status else None


def test_without_the_option_there_is_no_such_port(serve: Serve) -> None:
    assert "msg=metrics" not in serve(objects=pool(1)).log()


@pytest.mark.parametrize("address", ["9090", "localhost:0", "192.0.2.1:0"])
def test_an_address_that_cannot_be_had_is_said_before_the_first_request(tmp_path: Path, address: str) -> None:
    manifests = tmp_path / "manifests"
    write_manifests(manifests, quota(BEIJING, GU8TF=1))
    done = run("serve", "--manifests", manifests, "--listen", "127.0.0.1:0", "--metrics", address)
    assert done.returncode == 1 and address in done.stderr.splitlines()[-1]
