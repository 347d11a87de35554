"""Other ways to install it: in the network of the node, and with certificates that somebody else makes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from api import PODS, Api
from authority import Authority
from chart import NAMESPACE
from kubectl import Kubectl
from load import Load
from machine import ADDRESS
from objects import pod, region_of
from process import wait_until
from release import GUARDED, HASTY, STEADY, Release
from replica_pods import NAME, registered, served, wait_settled

SECRET = "own-certificate"


@pytest.fixture
def release(not_installed: Release) -> Iterator[Release]:
    yield not_installed
    not_installed.uninstall_if_there()


def test_it_serves_in_the_network_of_the_node(release: Release, kubectl: Kubectl, api: Api) -> None:
    release.install(hostNetwork=True, port=9443, replicas=1, **HASTY)
    (replica,) = wait_settled(kubectl, replicas=1)
    assert replica["status"]["podIP"] == ADDRESS
    wait_until("a pod is placed", lambda: region_of(api.post(PODS, pod(STEADY))))


def store(kubectl: Kubectl, issuer: Authority, *believed: Authority) -> None:
    """A new certificate of `issuer`, beside those who are to be believed, as its owner replaces it."""
    certificate, key = issuer.issue(NAME)
    data = {"tls.crt": certificate, "tls.key": key, "ca.crt": "".join(one.pem for one in believed)}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": SECRET, "namespace": NAMESPACE},
        "stringData": data,
    }
    kubectl("apply", "-f", "-", text=json.dumps(secret))


def wait_in_force(kubectl: Kubectl, issuer: Authority, *believed: Authority) -> None:
    """Until the API server believes these, and all replicas serve what `issuer` made."""
    authorities = [one.certificate for one in believed]

    def in_force() -> bool:
        served_by = [served(one, registered(kubectl)).issuer for one in wait_settled(kubectl)]
        return registered(kubectl) == authorities and set(served_by) == {issuer.certificate.subject}

    wait_until("the API server and all replicas have what the Secret has", in_force, timeout=60, pause=0.5)


def test_it_serves_and_follows_a_certificate_of_yours(release: Release, kubectl: Kubectl, api: Api) -> None:
    old, new = Authority("old"), Authority("new")
    kubectl("apply", "-f", "-", text=f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {NAMESPACE}}}}}")
    store(kubectl, old, old)
    release.install(existingSecret=SECRET, **GUARDED, **HASTY)
    wait_in_force(kubectl, old, old)
    with Load(api, STEADY) as load:
        for issuer, believed in [(old, [old]), (old, [old, new]), (new, [old, new]), (new, [new])]:
            store(kubectl, issuer, *believed)
            wait_in_force(kubectl, issuer, *believed)
    load.check()
