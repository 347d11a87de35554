"""Reviews of several sizes: real ones, and real ones whose pod has grown as large pods do.

A pod grows by containers with environment variables, which the API server describes once more in managedFields, and by
an annotation. What decides where it goes stays as it was.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REVIEWS = Path(__file__).resolve().parent.parent / "data" / "reviews"
VARIABLES = 20  # of a container
ANNOTATIONS_MAX = 200_000  # bytes; the API server takes 256 KiB of them

Object = dict[str, Any]


def encode(review: Object) -> bytes:
    return json.dumps(review, separators=(",", ":")).encode()


def real(name: str) -> bytes:
    """As a kube-apiserver sent it."""
    return encode(json.loads((REVIEWS / name).read_text()))


def grown(size: int) -> bytes:
    """A Deployment's pod, in a review of just so many bytes."""
    review = json.loads((REVIEWS / "deployment-policy.json").read_text())
    pod = review["request"]["object"]
    annotation = min(size // 10, ANNOTATIONS_MAX)
    length = len(encode(review))
    for i in range(size):
        added = add_container(pod, i)
        if length + added + annotation > size:
            remove_container(pod, i)
            break
        length += added
    annotations = pod["metadata"]["annotations"] = {"example.com/settings": ""}
    annotations["example.com/settings"] = text(size - len(encode(review)))
    return encode(review)


def add_container(pod: Object, i: int) -> int:
    """Returns by how many bytes the review has grown."""
    names = [f"SETTING_{i}_{j}" for j in range(VARIABLES)]
    environment = [{"name": name, "value": f"https://settings.example.com/{name.lower()}"} for name in names]
    container = {"name": f"sidecar-{i}", "image": "registry.example.com/sidecar:1.2.3", "env": environment}
    fields: Object = {key_of(name): {".": {}, "f:name": {}, "f:value": {}} for name in names}
    managed = {".": {}, "f:env": {".": {}, **fields}, "f:image": {}, "f:name": {}}
    pod["spec"]["containers"].append(container)
    managed_containers(pod)[key_of(f"sidecar-{i}")] = managed
    return len(encode(container)) + len(encode({key_of(f"sidecar-{i}"): managed})) - 1


def remove_container(pod: Object, i: int) -> None:
    pod["spec"]["containers"].pop()
    del managed_containers(pod)[key_of(f"sidecar-{i}")]


def managed_containers(pod: Object) -> Object:
    return pod["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:containers"]


def key_of(name: str) -> str:
    """How managedFields names an item of a list."""
    return f"k:{json.dumps({'name': name}, separators=(',', ':'))}"


def text(length: int) -> str:
    words = "settings that a controller keeps in an annotation; "
    return (words * (length // len(words) + 1))[:length]


BODIES = {
    "2.6 KB": real("bare-two-gpus.json"),
    "3.6 KB": real("deployment-policy.json"),
    "40 KB": grown(40_000),
    "1 MB": grown(1_000_000),
}
