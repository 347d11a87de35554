"""Three replicas make their own certificates, and the API server trusts them at every moment.

What is expected is said by OpenSSL's verifier (through Python's ssl) and by python3-cryptography, and by whether the
API server could ask the webhook: its failurePolicy is Fail.
"""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from api import Api, ApiError
from certified import (
    CONFIGURATION_PATH,
    CONFIGURATIONS,
    LONG,
    OVERLAP,
    SECRET_PATH,
    CertifiedReplicas,
    Load,
    Witness,
    ca_of,
    certified_replicas,
    fingerprint,
    is_answered,
    is_quiet,
    parse_bundle,
    registered,
    request,
    serve,
    server_of,
    stored,
)
from live_cluster import NAMESPACE, LiveCluster
from process import wait_until
from replicas import Replicas

LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"


@pytest.fixture(scope="module")
def certified(
    regionfit: Path, live: LiveCluster, shared_replicas: Replicas, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CertifiedReplicas]:
    """In the place of the three whose certificate is made for them."""
    with certified_replicas(regionfit, live, shared_replicas, tmp_path_factory.mktemp("certified")) as certified:
        yield certified


@pytest.fixture(autouse=True)
def quiet(certified: CertifiedReplicas, api: Api) -> None:
    """Each test begins with all of them serving what is in the Secret, and with one CA."""
    certified.resume()
    wait_until("no rotation is under way", lambda: is_quiet(certified, api), timeout=LONG)


def test_a_first_start_makes_one_ca_which_is_registered_and_served(certified: CertifiedReplicas, api: Api) -> None:
    secret = api.get(SECRET_PATH)
    files = stored(api)
    ca, server = ca_of(api), server_of(api)

    assert secret["type"] == "kubernetes.io/tls"
    assert sorted(files) == ["ca-bundle.crt", "ca.crt", "ca.key", "tls.crt", "tls.key"]
    assert parse_bundle(registered(api)) == [ca]
    key = ca.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey) and server.signature_hash_algorithm
    key.verify(server.signature, server.tbs_certificate_bytes, ec.ECDSA(server.signature_hash_algorithm))
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert serve(certified, server)


def test_only_the_ca_bundle_is_ours(api: Api) -> None:
    (managed,) = (one for one in api.get(CONFIGURATION_PATH)["metadata"]["managedFields"] if one["manager"] == "regionfit")

    assert managed["operation"] == "Apply"
    (entry,) = managed["fieldsV1"]["f:webhooks"].values()
    assert entry == {".": {}, "f:clientConfig": {"f:caBundle": {}}, "f:name": {}}


def test_replicas_tell_what_they_serve(certified: CertifiedReplicas, api: Api) -> None:
    expected = fingerprint(server_of(api))

    def told() -> list[str]:
        items = api.get(LEASES, labelSelector="regionfit.io/component=replica")["items"]
        return [one["metadata"]["annotations"].get("regionfit.io/certificate", "") for one in items]

    wait_until("each tells it", lambda: told() == [expected] * 3, timeout=20)


def test_a_renewal_that_is_asked_for_fails_no_creation(certified: CertifiedReplicas, api: Api) -> None:
    before, ca = server_of(api), ca_of(api)

    with Load(api) as load, Witness(api, certified) as witness:
        request(api, "renew")
        wait_until("it is done", lambda: is_answered(api) and serve(certified, server_of(api)))
        load.go_on(50)

    after = server_of(api)
    assert after.serial_number != before.serial_number
    assert after.public_key().public_numbers() != before.public_key().public_numbers()  # type: ignore[union-attr]
    assert ca_of(api) == ca
    assert (load.failures, witness.failures) == ([], [])


def test_a_rotation_of_the_ca_fails_no_creation(certified: CertifiedReplicas, api: Api) -> None:
    before = ca_of(api)
    begun = time.monotonic()

    with Load(api) as load, Witness(api, certified) as witness:
        request(api, "rotate-ca")
        wait_until("both are trusted", lambda: len(parse_bundle(registered(api))) == 2)
        assert ca_of(api) == before
        wait_until("the next one signs", lambda: ca_of(api) != before)
        assert time.monotonic() - begun >= OVERLAP
        wait_until("it is served", lambda: serve(certified, server_of(api)))
        assert len(parse_bundle(registered(api))) == 2
        wait_until("the old one is dropped", lambda: is_quiet(certified, api), timeout=LONG)
        load.go_on(50)

    assert parse_bundle(registered(api)) == [ca_of(api)] != [before]
    assert parse_bundle(stored(api)["ca-bundle.crt"]) == [ca_of(api)]
    assert is_answered(api)
    assert (load.failures, witness.failures) == ([], [])


@pytest.mark.parametrize("moment", ["once both are trusted", "once the next one signs"])
@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_a_leader_that_ends_in_the_middle_of_a_rotation_fails_no_creation(
    end: str, moment: str, certified: CertifiedReplicas, api: Api
) -> None:
    before = ca_of(api)

    with Load(api) as load, Witness(api, certified) as witness:
        request(api, "rotate-ca")
        if moment == "once both are trusted":
            wait_until(moment, lambda: len(parse_bundle(registered(api))) == 2, pause=0.01)
        else:
            wait_until(moment, lambda: ca_of(api) != before, pause=0.01)
        leader = certified.leader(api)
        leader.kill() if end == "killed" else leader.stop()
        wait_until("the next leader goes on", lambda: ca_of(api) != before, timeout=LONG)
        certified.resume()
        wait_until("all is done", lambda: is_quiet(certified, api), timeout=LONG)
        load.go_on(50)

    assert parse_bundle(registered(api)) == [ca_of(api)] != [before]
    assert witness.failures == []
    # Whom a crash takes with it, no certificate saves: what was being answered just then.
    lost = [one for one in load.failures if end == "killed" and re.search("EOF|connection (reset|refused)", one)]
    assert [one for one in load.failures if one not in lost] == []
    assert len(lost) <= load.clients


def test_a_bundle_that_somebody_empties_is_written_again(certified: CertifiedReplicas, api: Api) -> None:
    certified.configure(failurePolicy="Ignore")
    expected = registered(api)
    try:
        empty = [{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]
        api.call("PATCH", CONFIGURATION_PATH, empty, "application/json-patch+json")
        wait_until("it is there again", lambda: registered(api) == expected, timeout=10)
        for replica in certified.all:
            replica.wait_ready()
    finally:
        certified.configure()


def test_what_a_chart_applies_again_leaves_the_bundle_alone(certified: CertifiedReplicas, api: Api) -> None:
    expected = registered(api)
    version = api.get(CONFIGURATION_PATH)["metadata"]["resourceVersion"]

    certified.configure()

    assert registered(api) == expected
    assert api.get(CONFIGURATION_PATH)["metadata"]["resourceVersion"] == version


def test_a_configuration_that_is_deleted_is_not_made_again(certified: CertifiedReplicas, api: Api) -> None:
    expected = registered(api)

    api.delete(CONFIGURATION_PATH)
    wait_until("it shows", lambda: not any(replica.ready() for replica in certified.all))
    time.sleep(2)
    with pytest.raises(ApiError, match="404"):
        api.get(CONFIGURATION_PATH)

    certified.configure(failurePolicy="Ignore")
    wait_until("the next one gets its bundle", lambda: registered(api) == expected)
    certified.configure()


@pytest.mark.parametrize(
    "name, metadata, status",
    [
        ("regionfit", {"resourceVersion": "1"}, 409),
        ("regionfit", {"uid": "00000000-0000-0000-0000-000000000000"}, 422),
        ("gone", {"uid": "00000000-0000-0000-0000-000000000000"}, 409),
    ],
    ids=["changed since", "made anew since", "deleted since"],
)
def test_a_patch_of_what_was_seen_before_is_refused(
    name: str, metadata: dict[str, str], status: int, certified: CertifiedReplicas, api: Api
) -> None:
    """A leader that was asleep relies on it: the API server compares what its patch names."""
    expected = registered(api)
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name, **metadata},
        "webhooks": [{"name": "placement.regionfit.io", "clientConfig": {"caBundle": ""}}],
    }
    path = f"{CONFIGURATIONS}/{name}?fieldManager=regionfit&force=true"

    answered, _ = api.send("PATCH", path, body, "application/apply-patch+yaml")

    assert answered == status
    assert registered(api) == expected
    assert len(api.get(CONFIGURATIONS)["items"]) == 1


def test_a_secret_that_is_deleted_is_made_again_as_it_was(certified: CertifiedReplicas, api: Api) -> None:
    expected = stored(api)

    api.delete(SECRET_PATH)

    wait_until("it is there", lambda: find_secret(api), timeout=30)
    assert stored(api) == expected
    assert serve(certified, server_of(api))


def find_secret(api: Api) -> bool:
    try:
        return bool(api.get(SECRET_PATH))
    except ApiError:
        return False


def test_a_secret_with_a_damaged_ca_is_left_alone_and_the_certificate_stays(
    certified: CertifiedReplicas, api: Api
) -> None:
    whole = api.get(SECRET_PATH)["data"]
    served = certified.served()

    api.merge(SECRET_PATH, {"data": {"ca.crt": "bm90aGluZw=="}})  # "nothing"
    time.sleep(3)

    assert api.get(SECRET_PATH)["data"]["ca.crt"] == "bm90aGluZw=="
    assert certified.served() == served
    assert all(replica.ready() for replica in certified.all)
    api.merge(SECRET_PATH, {"data": whole})


def test_a_damaged_server_certificate_is_issued_again(certified: CertifiedReplicas, api: Api) -> None:
    ca = ca_of(api)

    api.merge(SECRET_PATH, {"data": {"tls.crt": "bm90aGluZw=="}})

    wait_until("there is another", lambda: "BEGIN" in stored(api)["tls.crt"])
    wait_until("it is served", lambda: serve(certified, server_of(api)))
    assert ca_of(api) == ca


def test_readiness_tells_why(certified: CertifiedReplicas, api: Api) -> None:
    reason = "[-]certificate failed: MutatingWebhookConfiguration regionfit: there is none"

    api.delete(CONFIGURATION_PATH)
    wait_until("it tells", lambda: reason in readyz(certified)[1])
    assert readyz(certified)[0] == 503

    certified.configure()
    wait_until("all are ready", lambda: all(replica.ready() for replica in certified.all))


def readyz(certified: CertifiedReplicas) -> tuple[int, str]:
    connection = http.client.HTTPSConnection("127.0.0.1", certified.all[0].port, context=certified.context())
    connection.request("GET", "/readyz")
    response = connection.getresponse()
    return response.status, response.read().decode()
