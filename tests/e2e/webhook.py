"""`regionfit serve`, registered with an API server."""

from __future__ import annotations

import base64
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from kubectl import Kubectl, KubectlError
from process import Process

NAME = "placement.regionfit.io"
CONFIGURATION = "mutatingwebhookconfiguration/regionfit"
QUESTION = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "asked-"},
    "spec": {"containers": [{"name": "none", "image": "none"}]},
}


def rule(resource: str, *operations: str) -> dict[str, Any]:
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": list(operations),
        "resources": [resource],
        "scope": "Namespaced",
    }


# What there is to ask where the webhook has no view of the pods.
ALL_RULES = [rule("pods", "CREATE", "UPDATE", "DELETE"), rule("pods/status", "UPDATE")]


def registration(
    address: str, ca_bundle: str, rules: Sequence[dict[str, Any]] = ALL_RULES, timeout: int = 10
) -> dict[str, Any]:
    """What tells the API server to ask the webhook at HOST:PORT, which `ca_bundle` (PEM) has certified."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "regionfit"},
        "webhooks": [
            {
                "name": NAME,
                "clientConfig": {
                    "url": f"https://{address}/mutate",
                    "caBundle": base64.b64encode(ca_bundle.encode()).decode(),
                },
                "rules": list(rules),
                "namespaceSelector": {
                    "matchExpressions": [
                        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]}
                    ]
                },
                "failurePolicy": "Fail",
                "sideEffects": "NoneOnDryRun",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": timeout,
                "reinvocationPolicy": "Never",
            }
        ],
    }


class Webhook:
    """Keeps its state and log in `folder`, reads `manifests`; once started it stays at one address."""

    def __init__(self, binary: Path, folder: Path, manifests: Path) -> None:
        self.binary = binary
        self.state = folder / "state"
        self.log = folder / "regionfit.log"
        self.manifests = manifests
        self.address = "127.0.0.1:0"
        self.ca_bundle = ""
        self.process: Process | None = None

    def start(self) -> None:
        command = [str(self.binary), "serve", "--manifests", str(self.manifests), "--state", str(self.state)]
        command += ["--listen", self.address, "--log-level", "debug"]
        self.process = Process("regionfit", command, self.log)
        self.address = self.process.wait_ready("its address is in the log", self.logged_address, timeout=20)
        self.ca_bundle = self.read_ca_bundle()
        self.process.wait_ready("/readyz answers", self.ready, timeout=20)

    def logged_address(self) -> str:
        assert self.process
        match = re.search(r'msg="?serving"? .*?address="?([^\s"]+)', self.process.text())
        return match[1] if match else ""

    def read_ca_bundle(self) -> str:
        command = [str(self.binary), "certs", "show", str(self.state / "certs"), "--ca-bundle"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def ready(self) -> bool:
        context = ssl.create_default_context(cadata=self.ca_bundle)
        try:
            with urllib.request.urlopen(f"https://{self.address}/readyz", context=context, timeout=5) as response:
                return response.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def register(self, kubectl: Kubectl) -> None:
        """The API server reads a registration some time after it has stored it; returns once it asks."""
        assert self.process
        kubectl("apply", "-f", "-", text=yaml.safe_dump(registration(self.address, self.ca_bundle)))
        self.process.wait_ready("the API server asks it", lambda: self.is_asked(kubectl), timeout=20)

    def is_asked(self, kubectl: Kubectl) -> bool:
        assert self.process
        try:
            kubectl("create", "--dry-run=server", "-f", "-", text=yaml.safe_dump(QUESTION))
        except KubectlError:  # it still asks the one that was registered before
            return False
        return "msg=decision" in self.process.text()

    def unregister(self, kubectl: Kubectl) -> None:
        kubectl("delete", "--ignore-not-found", CONFIGURATION)

    def stop(self) -> int:
        """Returns the exit status; 0 where nothing runs."""
        process, self.process = self.process, None
        return process.stop() if process else 0

    def kill(self) -> None:
        """As a crash would: no chance to say goodbye."""
        assert self.process
        self.process.kill()
        self.process = None
