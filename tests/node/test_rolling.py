"""What happens to replicas and certificates while pods are created all the time, and a creation of which the webhook
does not hear is refused (failurePolicy Fail): none may fail.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from cryptography import x509

from api import PODS, Api
from chart import NAMESPACE, RELEASE
from kubectl import Kubectl
from load import Load
from objects import pod, region_of
from process import wait_until
from release import GUARDED, STEADY, Release
from replica_pods import SECRET, leader, name_of, registered, replica_pods, secret, served, wait_settled

REQUEST = "regionfit.io/request"


@pytest.fixture(scope="module")
def release(not_installed: Release, kubectl: Kubectl) -> Iterator[Release]:
    not_installed.install(**GUARDED)
    wait_until("a pod is placed", lambda: region_of(not_installed.api.post(PODS, pod(STEADY))))
    yield not_installed
    not_installed.uninstall_if_there()


@pytest.fixture
def load(release: Release, kubectl: Kubectl, api: Api) -> Iterator[Load]:
    """Carried to the end of the test without a failure."""
    wait_settled(kubectl)
    with Load(api, STEADY) as load:
        yield load
        time.sleep(2)  # under what the test has left
    load.check()


def request(kubectl: Kubectl, what: str) -> None:
    """As an operator asks for work on the certificates."""
    kubectl("annotate", "secret", SECRET, "-n", NAMESPACE, f"{REQUEST}={what}")


def authority(kubectl: Kubectl) -> x509.Certificate:
    return x509.load_pem_x509_certificate(secret(kubectl)["ca.crt"])


def wait_served(kubectl: Kubectl, old: x509.Certificate) -> None:
    """Until all replicas serve the certificate of the Secret, which is not `old`, and the API server believes it."""

    def all_serve_it() -> bool:
        new = x509.load_pem_x509_certificate(secret(kubectl)["tls.crt"])
        pods = wait_settled(kubectl)
        return new != old and all(served(one, registered(kubectl)) == new for one in pods)

    wait_until("all replicas serve the new certificate", all_serve_it, timeout=60, pause=0.5)


def wait_rotated(kubectl: Kubectl, old: x509.Certificate) -> None:
    """Until the API server believes one CA, which is new."""

    def rotated() -> bool:
        return registered(kubectl) == [authority(kubectl)] != [old]

    wait_until("only the new CA is registered", rotated, timeout=90, pause=0.5)


def test_a_rolling_restart_loses_nothing(load: Load, kubectl: Kubectl) -> None:
    before = {name_of(one) for one in replica_pods(kubectl)}
    kubectl("rollout", "restart", f"deployment/{RELEASE}", "-n", NAMESPACE)
    wait_settled(kubectl, without=before)


def test_an_upgrade_that_changes_the_pods_loses_nothing(load: Load, release: Release, kubectl: Kubectl) -> None:
    before = {name_of(one) for one in replica_pods(kubectl)}
    release.upgrade(**GUARDED, podAnnotations={"example.com/changed": "true"})
    wait_settled(kubectl, without=before)


def test_a_renewal_of_the_certificate_loses_nothing(load: Load, kubectl: Kubectl) -> None:
    old, same = x509.load_pem_x509_certificate(secret(kubectl)["tls.crt"]), authority(kubectl)
    request(kubectl, "renew")
    wait_served(kubectl, old)
    assert registered(kubectl) == [same]
    assert REQUEST not in kubectl("get", "secret", SECRET, "-n", NAMESPACE, "-o", "yaml")


def test_a_rotation_of_the_authority_loses_nothing(load: Load, kubectl: Kubectl) -> None:
    certificate, old = x509.load_pem_x509_certificate(secret(kubectl)["tls.crt"]), authority(kubectl)
    request(kubectl, "rotate-ca")
    wait_until("both CAs are registered", lambda: len(registered(kubectl)) == 2, pause=0.2)
    wait_rotated(kubectl, old)
    wait_served(kubectl, certificate)


def test_a_rotation_whose_leader_dies_loses_nothing(load: Load, kubectl: Kubectl) -> None:
    certificate, old = x509.load_pem_x509_certificate(secret(kubectl)["tls.crt"]), authority(kubectl)
    request(kubectl, "rotate-ca")
    wait_until("both CAs are registered", lambda: len(registered(kubectl)) == 2, pause=0.2)
    lost = leader(kubectl)
    kubectl("delete", "pod", lost, "-n", NAMESPACE, "--wait=false")
    wait_rotated(kubectl, old)
    wait_settled(kubectl, without={lost})
    wait_served(kubectl, certificate)


def test_uninstalling_keeps_no_pod_from_being_created(release: Release, kubectl: Kubectl, api: Api) -> None:
    wait_settled(kubectl)
    with Load(api, STEADY, placed=False) as load:
        release.uninstall()
    load.check()
