"""A pod as etcd has it: the Protocol Buffers encoding of Kubernetes, of which only what is charged for is read.

The field numbers are those of k8s.io/api/core/v1/generated.proto and k8s.io/apimachinery.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

MAGIC = b"k8s\x00"
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

RAW = 2  # runtime.Unknown
METADATA, SPEC, STATUS = 1, 2, 3  # Pod
NAME, NAMESPACE, LABELS = 1, 3, 11  # ObjectMeta
CONTAINERS, INIT_CONTAINERS = 2, 20  # PodSpec
RESOURCES, REQUESTS = 8, 2  # Container, ResourceRequirements
PHASE = 1  # PodStatus
KEY, VALUE = 1, 2  # an entry of a map
QUANTITY = 1  # resource.Quantity: its text

Fields = dict[int, list[bytes]]

GPU = "nvidia.com/gpu"
REGION, SERIES = "alibabacloud.com/serverless-region-id", "alibabacloud.com/gpu-model-series"


class UnreadableError(Exception):
    """It is not what we know how to read."""


@dataclass(frozen=True)
class StoredPod:
    name: str  # namespace/name
    region: str
    series: str
    gpus: int
    phase: str

    def live(self) -> bool:
        return self.phase not in ("Succeeded", "Failed")


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes) -> Fields:
    """Those that are strings, bytes and messages, by number; numbers are passed over."""
    found: Fields = defaultdict(list)
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        kind = tag & 7
        if kind == BYTES:
            size, at = varint(data, at)
            found[tag >> 3].append(data[at : at + size])
            at += size
        elif kind == VARINT:
            _, at = varint(data, at)
        elif kind in (FIXED32, FIXED64):
            at += 4 if kind == FIXED32 else 8
        else:
            raise UnreadableError(f"wire type {kind} at byte {at}")
    return found


def member(message: Fields, number: int) -> bytes:
    """b"" where there is none, as the encoding has it."""
    return message[number][0] if message[number] else b""


def text(message: Fields, number: int) -> str:
    return member(message, number).decode()


def mapping(message: Fields, number: int) -> dict[str, bytes]:
    entries = [fields(entry) for entry in message[number]]
    return {text(entry, KEY): member(entry, VALUE) for entry in entries}


def requested(container: bytes) -> int:
    resources = fields(member(fields(container), RESOURCES))
    quantity = mapping(resources, REQUESTS).get(GPU)
    return int(text(fields(quantity), QUANTITY)) if quantity else 0


def read_pod(value: bytes) -> StoredPod:
    if not value.startswith(MAGIC):
        raise UnreadableError(f"it begins with {value[:8]!r}")
    pod = fields(member(fields(value[len(MAGIC) :]), RAW))
    metadata, spec, status = (fields(member(pod, number)) for number in (METADATA, SPEC, STATUS))
    labels = {key: label.decode() for key, label in mapping(metadata, LABELS).items()}
    first = max((requested(one) for one in spec[INIT_CONTAINERS]), default=0)
    return StoredPod(
        name=f"{text(metadata, NAMESPACE)}/{text(metadata, NAME)}",
        region=labels.get(REGION, ""),
        series=labels.get(SERIES, ""),
        gpus=max(first, sum(requested(one) for one in spec[CONTAINERS])),
        phase=text(status, PHASE),
    )
