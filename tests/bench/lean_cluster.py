"""A cluster with as little beside the API server as creating pods needs: no controllers, no scheduler, no nodes, so
that what is measured shares the machine with nothing else.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from api import Api
from cluster import Cluster, free_ports
from kubectl import KubectlError
from live_cluster import CRDS, LiveCluster
from process import Process, wait_until
from procfs import cpu_seconds
from replicas import Replicas
from webhook import QUESTION

# Deleting pods is not what is measured.
QUICK_DELETE = "--delete-collection-workers=16"
HAPROXY = """\
defaults
  mode tcp
  timeout connect 2s
  timeout client 300s
  timeout server 300s
listen replicas
  bind 127.0.0.1:{port}
  balance roundrobin
{servers}
"""


class LeanCluster(LiveCluster):
    """Without an audit log."""

    def __init__(self, folder: Path, binaries: dict[str, str]) -> None:
        super().__init__(folder, binaries)
        self.options = {"kube-apiserver": [QUICK_DELETE]}

    def start(self) -> None:
        try:
            Cluster.prepare(self)
            self.start_etcd()
            self.start_apiserver()
            self.kubectl("apply", "-f", str(CRDS))
            self.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=30s")
            self.create_account()
            wait_until("there is a namespace", lambda: self.get(f"{self.url}/api/v1/namespaces/default"))
            create_service_account(Api(self), "default")
        except BaseException:
            self.stop()
            raise


def create_service_account(api: Api, namespace: str) -> None:
    """That no controller creates here; without it the API server takes no pods."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", account)


class Direct:
    """One replica at its own address."""

    def __init__(self, port: int) -> None:
        self.port = port

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


class Haproxy:
    """One address for several; connections go to them in turn, bytes as they are."""

    def __init__(self, folder: Path, backends: list[int]) -> None:
        (self.port,) = free_ports(1)
        self.log = folder / "haproxy.log"
        self.configuration = folder / "haproxy.cfg"
        servers = "\n".join(f"  server replica-{i} 127.0.0.1:{port}" for i, port in enumerate(backends))
        self.configuration.write_text(HAPROXY.format(port=self.port, servers=servers))
        self.process: Process | None = None

    def start(self) -> None:
        self.process = Process("haproxy", ["/usr/sbin/haproxy", "-db", "-f", str(self.configuration)], self.log)

    def stop(self) -> None:
        process, self.process = self.process, None
        if process:
            process.stop()


class BenchReplicas(Replicas):
    """Those that are measured: nothing of Python is between them and the API server."""

    def __init__(self, binary: Path, cluster: LiveCluster, folder: Path, number: int, *options: str) -> None:
        folder.mkdir()
        super().__init__(binary, cluster, folder, number, *options)
        ports = [replica.port for replica in self.all]
        self.balancer.loop.close()
        self.balancer = Direct(ports[0]) if number == 1 else Haproxy(folder, ports)

    def stop(self) -> None:
        """Returns once the API server asks nobody any more."""
        super().stop()
        wait_until("the API server has forgotten the replicas", self.are_forgotten)

    def are_forgotten(self) -> bool:
        try:
            self.cluster.kubectl("create", "--dry-run=server", "-f", "-", text=yaml.safe_dump(QUESTION))
        except KubectlError:
            return False
        return True

    def cpu_seconds(self) -> float:
        """What they have used since their start."""
        return sum(cpu_seconds(replica.process.popen.pid) for replica in self.all if replica.process)
