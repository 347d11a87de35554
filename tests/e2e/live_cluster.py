"""A cluster in which pods run: with a scheduler, with virtual nodes in two regions that kwok plays, and with the
objects of regionfit and the account that its replicas use.

Whatever that account asks of the API server is in the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from chart import CHART, NAMESPACE, Object, render
from cluster import Cluster, free_ports, write_private
from nodes import PLAYED, create_nodes, virtual_node
from process import wait_until

CRDS = CHART / "crds"
STAGES = Path(__file__).resolve().parent / "data" / "stages.yaml"
ACCOUNT = "regionfit"
USER = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
ACCOUNT_KINDS = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]
REGIONS = ["cn-beijing", "cn-hangzhou"]

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata", "users": [USER]}, {"level": "None"}],
}


class LiveCluster(Cluster):
    """Besides the programs of a cluster it takes helm, for what the chart says of the account."""

    def __init__(self, folder: Path, binaries: dict[str, str]) -> None:
        self.audit_log = folder / "audit.log"
        self.restarted = False
        fast = ["--kube-api-qps=2000", "--kube-api-burst=4000"]
        options = {
            "kube-apiserver": [f"--audit-policy-file={folder / 'audit.yaml'}", f"--audit-log-path={self.audit_log}"],
            # A node that kwok plays has no kubelet to say that it is well again after the API server was away.
            "kube-controller-manager": [*fast, "--node-monitor-grace-period=1h"],
            "kube-scheduler": fast,
        }
        super().__init__(folder, binaries, options)

    def start(self) -> None:
        try:
            super().start()
            self.start_scheduler()
            self.start_kwok()
            self.install()
            create_nodes(self.kubectl, *(virtual_node(f"virtual-{region}", region) for region in REGIONS))
        except BaseException:
            self.stop()
            raise

    def prepare(self) -> None:
        super().prepare()
        write_private(self.folder / "audit.yaml", yaml.safe_dump(AUDIT_POLICY))

    def start_scheduler(self) -> None:
        (port,) = free_ports(1)
        self.run(
            "kube-scheduler",
            f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={self.folder / 'scheduler'}",
            "--leader-elect=false",
        )

    def restart_apiserver(self) -> None:
        self.restarted = True
        super().restart_apiserver()

    def recover(self) -> None:
        """As a kubelet would. An API server that restarts makes the scheduler end itself now and then, as it doubts
        what it knows, and kwok stop following pods.
        """
        if self.restarted:
            self.replace("kube-scheduler", self.start_scheduler)
            self.replace("kwok", self.start_kwok)
            self.restarted = False

    def replace(self, name: str, start: Callable[[], None]) -> None:
        (place,) = (i for i, process in enumerate(self.processes) if process.name == name)
        self.processes[place].stop()
        start()
        self.processes[place] = self.processes.pop()

    def start_kwok(self) -> None:
        """Without leases of their own the nodes would be taken for dead."""
        (port,) = free_ports(1)
        self.run(
            "kwok",
            f"--config={STAGES}",
            f"--kubeconfig={self.kubeconfig}",
            f"--manage-nodes-with-annotation-selector={PLAYED}=fake",
            f"--server-address=127.0.0.1:{port}",
            "--node-ip=127.0.0.1",
            "--node-lease-duration-seconds=40",
        )

    def install(self) -> None:
        """What regionfit needs."""
        self.kubectl("apply", "-f", str(CRDS))
        self.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
        self.create_account()

    def create_account(self) -> None:
        """The service account, its roles, and what binds them, as in the chart."""
        self.kubectl("create", "namespace", NAMESPACE)
        objects = [one for one in render(self.binaries["helm"], "--no-hooks") if one["kind"] in ACCOUNT_KINDS]
        self.kubectl("apply", "-f", "-", text=yaml.safe_dump_all(objects))

    def roles(self) -> list[Object]:
        """Those that the account is bound to."""
        there = self.kubectl.read("get", "clusterrole,role", "-n", NAMESPACE, "-l", f"app.kubernetes.io/name={ACCOUNT}")
        return there["items"]

    def write_account_kubeconfig(self) -> Path:
        """For the replicas: as the admin's, with a token of the service account."""
        config = yaml.safe_load(self.kubeconfig.read_text())
        token = self.kubectl("create", "token", ACCOUNT, "-n", NAMESPACE, "--duration=3h").strip()
        config["users"] = [{"name": ACCOUNT, "user": {"token": token}}]
        config["contexts"][0]["context"].update(user=ACCOUNT, namespace=NAMESPACE)
        return write_private(self.folder / "account.kubeconfig", yaml.safe_dump(config))

    def audited(self) -> list[dict[str, Any]]:
        """Every request of the account that was answered, oldest first."""
        if not self.audit_log.exists():
            return []
        return [json.loads(line) for line in self.audit_log.read_text().splitlines()]


def wait_account(cluster: LiveCluster, namespace: str) -> None:
    """Pods can be created in a new namespace once its service account exists."""
    account = ["get", "serviceaccount", "default", "-n", namespace, "--ignore-not-found", "-o", "name"]
    wait_until(f"pods can be created in {namespace}", lambda: cluster.kubectl(*account))
