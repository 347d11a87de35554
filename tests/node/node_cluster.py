"""A cluster with one real node beside the virtual ones that kwok plays: containerd, kubelet, and kube-proxy, so that
pods run, reach Services, and are reached by the API server through them.

All of it is in the network of one Machine. The API server listens on the address of the node, as pods cannot reach a
loopback, and dials the endpoints of Services itself, for it has no kube-proxy between.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from cluster import write_private
from busybox import BUSYBOX
from live_cluster import LiveCluster
from machine import ADDRESS, Machine
from nodes import is_ready
from process import Process

NODE = "real"
POD_NETWORK = "198.18.1.0/24"
SOCKET = "/run/containerd/containerd.sock"
API_SERVER = [
    f"--bind-address={ADDRESS}",
    f"--advertise-address={ADDRESS}",
    "--endpoint-reconciler-type=lease",
    "--enable-aggregator-routing=true",
    "--kubelet-preferred-address-types=InternalIP",
]

# containerd leaves the score of the OOM killer alone: to lower it is not allowed everywhere.
CONTAINERD = f"""\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{BUSYBOX}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "%s"
"""

# Each pod has a link of its own to the node, and everything is routed: nothing goes past the rules of kube-proxy, as
# it may between two ports of a bridge.
CNI = {
    "cniVersion": "0.4.0",
    "name": "pods",
    "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "subnet": POD_NETWORK, "routes": [{"dst": "0.0.0.0/0"}]}}
    ],
}

# Made for a machine that may be small, old, full, or a container itself; and quick to see that a Secret has changed.
KUBELET: dict[str, Any] = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    "containerRuntimeEndpoint": f"unix://{SOCKET}",
    "cgroupDriver": "cgroupfs",
    "cgroupsPerQOS": False,
    "enforceNodeAllocatable": [],
    "failCgroupV1": False,
    "failSwapOn": False,
    "localStorageCapacityIsolation": False,
    "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
    "imageGCHighThresholdPercent": 100,
    "volumePluginDir": "/var/lib/kubelet/volume-plugins",
    "resolvConf": "",
    "syncFrequency": "2s",
}

KUBE_PROXY: dict[str, Any] = {
    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
    "kind": "KubeProxyConfiguration",
    "mode": "iptables",
    "bindAddress": ADDRESS,
    "hostnameOverride": NODE,
    "clusterCIDR": POD_NETWORK,
    "conntrack": {"maxPerCore": 0, "min": 0},
}


class NodeCluster(LiveCluster):
    """Started and used by a thread that has entered the network of `machine`."""

    def __init__(self, folder: Path, binaries: dict[str, str], machine: Machine) -> None:
        super().__init__(folder, binaries)
        self.machine = machine
        self.url = f"https://{ADDRESS}:{self.api_port}"
        self.options = {**self.options, "kube-apiserver": [*self.options["kube-apiserver"], *API_SERVER]}

    def start(self) -> None:
        try:
            super().start()
            self.start_containerd()
            self.start_kubelet()
            self.start_kube_proxy()
        except BaseException:
            self.stop()
            raise

    def install(self) -> None:
        """Nothing: that is what the tests do."""

    def run_inside(self, name: str, *options: str) -> Process:
        """On the machine."""
        command = [self.binaries.get(name, name), *options]
        process = self.machine.run(name, command, self.folder / f"{name}.log")
        self.processes.append(process)
        return process

    def start_containerd(self) -> None:
        networks = self.folder / "cni"
        networks.mkdir()
        (networks / "pods.conflist").write_text(json.dumps(CNI))
        config = self.folder / "containerd.toml"
        config.write_text(CONTAINERD % networks)
        process = self.run_inside("containerd", f"--config={config}")
        process.wait_ready("it answers", lambda: self.ctr("version"))

    def start_kubelet(self) -> None:
        process = self.run_inside(
            "kubelet",
            f"--config={write_private(self.folder / 'kubelet.yaml', yaml.safe_dump(KUBELET))}",
            f"--kubeconfig={self.kubeconfig}",
            f"--hostname-override={NODE}",
            f"--node-ip={ADDRESS}",
        )
        process.wait_ready("its node is ready", self.node_ready)

    def start_kube_proxy(self) -> None:
        config = {**KUBE_PROXY, "clientConnection": {"kubeconfig": str(self.kubeconfig)}}
        path = write_private(self.folder / "kube-proxy.yaml", yaml.safe_dump(config))
        self.run_inside("kube-proxy", f"--config={path}")

    def node_ready(self) -> bool:
        listed = self.kubectl("get", "node", NODE, "--ignore-not-found", "-o", "name")
        return bool(listed) and is_ready(self.kubectl, NODE)

    def ctr(self, *arguments: str) -> bool:
        """True where it succeeds."""
        command = ["ctr", f"--address={SOCKET}", "--namespace=k8s.io", *arguments]
        return self.machine(*command, check=False).returncode == 0

    def load(self, archive: Path) -> None:
        """An image, from an OCI archive that names it."""
        if not self.ctr("images", "import", str(archive)):
            raise subprocess.SubprocessError(f"ctr does not import {archive}")
