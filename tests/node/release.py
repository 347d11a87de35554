"""The chart, installed on the node as a person would install it, and what regionfit works with there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from api import Api, ApiError
from chart import CHART, NAMESPACE, RELEASE, HelmError, run_helm
from image import REFERENCE
from kubectl import Kubectl, KubectlError
from objects import BEIJING, HANGZHOU, POLICIES, QUOTAS, Object, policy, quota, unit
from process import wait_until
from replica_pods import replica_pods

ENABLED = {"metadata": {"labels": {"regionfit.io/enabled": "true"}}}

# One of these is never used up; the other is of a series of which Beijing has enough for two pods.
STEADY, SPREAD = "steady", "spread"
OBJECTS = [
    (QUOTAS, quota(BEIJING, GU8TF=100000, P16EN=2)),
    (QUOTAS, quota(HANGZHOU, GU8TF=100000, P16EN=100)),
    (POLICIES, policy(STEADY, unit(BEIJING), unit(HANGZHOU))),
    (POLICIES, policy(SPREAD, unit(BEIJING, "P16EN"), unit(HANGZHOU, "P16EN"))),
]

Values = dict[str, Any]

# A creation of which the webhook does not hear fails; and a test does not wait for minutes.
GUARDED: Values = {"webhook": {"failurePolicy": "Fail"}, "certificates": {"caOverlapSeconds": 5}}

# Where no replica ends under load, the end need not wait for anybody to learn of it.
HASTY: Values = {"shutdownDelaySeconds": 1}


class Release:
    """`helm` is the program."""

    def __init__(self, helm: str, kubeconfig: Path, kubectl: Kubectl, api: Api) -> None:
        self.helm = helm
        self.kubeconfig = kubeconfig
        self.kubectl = kubectl
        self.api = api

    def __call__(self, *arguments: str, values: Values | None = None) -> str:
        """Its standard output; HelmError where it fails."""
        where = ["--kubeconfig", str(self.kubeconfig), "--namespace", NAMESPACE]
        return run_helm(self.helm, *arguments, *where, values=values, timeout=240)

    def install(self, **values: Any) -> None:
        """With these values besides the chart's; and policies and quotas, for which it brings the definitions."""
        self.wait("install", RELEASE, str(CHART), "--create-namespace", values=values)
        for path, made in OBJECTS:
            try:
                self.api.post(path, made)
            except ApiError as error:
                assert error.status == 409, error  # uninstalling has left it where it was
        self.api.merge("/api/v1/namespaces/default", ENABLED)

    def upgrade(self, **values: Any) -> None:
        self.wait("upgrade", RELEASE, str(CHART), values=values)

    def wait(self, *arguments: str, values: Values) -> None:
        """Until its pods are ready. Their image is on the node, and in no registry."""
        repository, tag = REFERENCE.rsplit(":", 1)
        image = {"repository": repository, "tag": tag, "pullPolicy": "Never"}
        try:
            self(*arguments, "--wait", "--timeout=90s", values={"image": image, **values})
        except HelmError as error:
            raise HelmError(f"{error}\n{self.describe()}") from None

    def describe(self) -> str:
        """What became of its pods, which helm does not tell."""
        logs = ["logs", "-l", f"app.kubernetes.io/instance={RELEASE}", "--prefix", "--tail=10"]
        told = []
        for arguments in (["get", "pods,events"], logs):
            try:
                told.append(self.kubectl(*arguments, "-n", NAMESPACE))
            except KubectlError as error:
                told.append(str(error))
        return "\n".join(told)

    def uninstall(self) -> None:
        """Returns once its replicas have ended."""
        self("uninstall", RELEASE, "--wait", "--timeout=90s")
        wait_until("its replicas have ended", lambda: not replica_pods(self.kubectl))

    def uninstall_if_there(self) -> None:
        if RELEASE in self("list", "--short").split():
            self.uninstall()

    def objects(self) -> dict[tuple[str, str], Object]:
        """All that helm has made, as it is now, by kind and name."""
        listed = self.kubectl.read("get", "-f", "-", text=self("get", "manifest", RELEASE))["items"]
        return {(one["kind"], one["metadata"]["name"]): one for one in listed}
