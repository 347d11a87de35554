"""The replicas of the installed release, seen from where the API server sees them; and the certificates of theirs that
it is to believe.
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Set
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from chart import NAMESPACE, RELEASE
from kubectl import Kubectl
from process import wait_until

PORT = 8443
SECRET = f"{RELEASE}-tls"
END = b"-----END CERTIFICATE-----\n"
NAME = f"{RELEASE}.{NAMESPACE}.svc"
SELECTOR = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=webhook"

Pod = dict[str, Any]


def replica_pods(kubectl: Kubectl) -> list[Pod]:
    """Those that are ending among them."""
    return kubectl.read("get", "pods", "-n", NAMESPACE, "-l", SELECTOR)["items"]


def name_of(pod: Pod) -> str:
    return pod["metadata"]["name"]


def is_ready(pod: Pod) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def wait_settled(kubectl: Kubectl, replicas: int = 2, without: Set[str] = frozenset()) -> list[Pod]:
    """The replicas, once they are so many, all ready, none ending, and none of them one of `without`."""

    def settled() -> list[Pod]:
        pods = replica_pods(kubectl)
        ending = any("deletionTimestamp" in one["metadata"] for one in pods)
        good = len(pods) == replicas and not ending and all(is_ready(one) for one in pods)
        return pods if good and not without & {name_of(one) for one in pods} else []

    return wait_until(f"{replicas} replicas are ready, and no others are there", settled, timeout=90, pause=0.3)


def leader(kubectl: Kubectl) -> str:
    """The pod that leads."""
    held = kubectl.read("get", "lease", RELEASE, "-n", NAMESPACE)["spec"].get("holderIdentity", "")
    (found,) = [name_of(one) for one in replica_pods(kubectl) if held.startswith(name_of(one))]
    return found


def secret(kubectl: Kubectl) -> dict[str, bytes]:
    data = kubectl.read("get", "secret", SECRET, "-n", NAMESPACE).get("data", {})
    return {key: base64.b64decode(value) for key, value in data.items()}


def registered(kubectl: Kubectl) -> list[x509.Certificate]:
    """The CAs that the API server believes."""
    webhooks = kubectl.read("get", "mutatingwebhookconfiguration", RELEASE)["webhooks"]
    bundle = base64.b64decode(webhooks[0]["clientConfig"].get("caBundle", ""))
    return [x509.load_pem_x509_certificate(part + END) for part in bundle.split(END) if part.strip()]


def served(pod: Pod, authorities: list[x509.Certificate]) -> x509.Certificate:
    """What the pod serves. SSLError unless it has the name of the Service and is of one of `authorities`, as the API
    server demands.
    """
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in authorities).decode()
    context = ssl.create_default_context(cadata=pem)
    with (
        socket.create_connection((pod["status"]["podIP"], PORT), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as secure,
    ):
        certificate = secure.getpeercert(binary_form=True)
        assert certificate
        return x509.load_der_x509_certificate(certificate)
