"""What is measured: each load against floor and peers, and against regionfit set up in one way or several."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import answers

BODY, CONNECTIONS = "3.6 KB", 16
APP = "nginx-gpu-resourcepolicy"  # the label of the pods in all bodies
PLENTY = 1_000_000_000  # GPUs; no run comes near

Object = dict[str, Any]


class Ledger(enum.Enum):
    MEMORY = "in memory"
    TMPFS = "a file in a file system in memory, where fsync(2) costs nothing"
    FILE = "a file on the disk that the checkout is on"


def policy(name: str, app: str) -> Object:
    """One unit; what it adds is what the peers add."""
    labels = {
        "alibabacloud.com/serverless-region-id": "cn-beijing",
        "alibabacloud.com/compute-class": "gpu",
        "alibabacloud.com/compute-qos": "default",
        "alibabacloud.com/gpu-model-series": "GU8TF",
    }
    unit = {"resource": "acs", "podLabels": labels, "nodeSelector": {"type": "virtual-kubelet"}}
    return {
        "apiVersion": "scheduling.alibabacloud.com/v1alpha1",
        "kind": "ResourcePolicy",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": app}, "strategy": "required", "units": [unit]},
    }


def quota(gpus: int) -> Object:
    return {
        "apiVersion": "regionfit.io/v1alpha1",
        "kind": "RegionQuota",
        "metadata": {"name": "cn-beijing"},
        "spec": {"pools": [{"gpuModelSeries": "GU8TF", "gpus": gpus}]},
    }


@dataclass(frozen=True)
class Setup:
    """`policies` of them are in the pods' namespace; one of them selects the pods if `selected`."""

    name: str
    judge: answers.Judge = answers.placed
    policies: int = 1
    selected: bool = True
    gpus: int = PLENTY
    ledger: Ledger = Ledger.MEMORY

    def objects(self) -> list[Object]:
        policies = [policy(f"policy-{i}", f"app-{i}") for i in range(self.policies)]
        if self.selected:
            policies[self.policies // 2] = policy("chosen", APP)
        return [quota(self.gpus), *policies]


@dataclass(frozen=True)
class Case:
    body: str = BODY
    connections: int = CONNECTIONS
    close: bool = False
    setups: tuple[Setup, ...] = field(default=(Setup("placed, memory ledger"),))

    @property
    def title(self) -> str:
        """What the client does."""
        each = ", a new one for each request" if self.close else ""
        return f"{self.body}, {self.connections} connection{'s' if self.connections > 1 else ''}{each}"

    def only(self, wanted: Callable[[str], bool]) -> Case:
        """With those setups alone whose names are wanted, or the title is."""
        setups = self.setups if wanted(self.title) else tuple(one for one in self.setups if wanted(one.name))
        return Case(self.body, self.connections, self.close, setups)


CASES = (
    Case(
        setups=(
            Setup("no policy matches", answers.let_through, policies=10, selected=False),
            Setup("placed, memory ledger"),
            Setup("placed, file ledger without fsync", ledger=Ledger.TMPFS),
            Setup("placed, file ledger", ledger=Ledger.FILE),
            Setup("denied", answers.denied, gpus=0),
            Setup("placed, 1000 policies", policies=1000),
            Setup("placed, 10 policies", policies=10),
            Setup("placed, 10000 policies", policies=10_000),
        )
    ),
    Case(connections=64, setups=(Setup("placed, file ledger", ledger=Ledger.FILE),)),
    Case(body="2.6 KB"),
    Case(body="40 KB"),
    Case(body="1 MB"),
    Case(connections=1),
    Case(connections=256),
    Case(close=True),
)
