"""What a table of cases is made of: values, the object that they change, and what must be there then."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

import yaml

from chart import CHART, Object

ABSENT = object()  # there is no such field, or no such object

VERSION: str = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
VALUES: Object = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: Object = json.loads((CHART / "values.schema.json").read_text())


@dataclass(frozen=True)
class Has:
    """A list has this item, or a text this part."""

    item: Any


@dataclass(frozen=True)
class Lacks:
    item: Any


@dataclass(frozen=True)
class Case:
    """`given` are values by their path ("webhook.scope"), of which the last one is tried; `object` is a kind, followed
    by a name where there are several, and `path` the words on the way to the field: "spec template spec containers 0".
    """

    name: str
    given: dict[str, Any]
    object: str
    path: str
    expected: Any


def nest(given: dict[str, Any]) -> Object:
    """Values by their paths, as in a file."""
    values: Object = {}
    for path, value in given.items():
        *way, last = path.split(".")
        at = values
        for key in way:
            at = at.setdefault(key, {})
        at[last] = copy.deepcopy(value)
    return values


def find(objects: list[Object], name: str) -> Any:
    kind, _, wanted = name.partition(" ")
    found = [one for one in objects if one["kind"] == kind and wanted in ("", one["metadata"]["name"])]
    return found[0] if found else ABSENT


def look(at: Any, path: str) -> Any:
    for word in path.split():
        if isinstance(at, list) and int(word) < len(at):
            at = at[int(word)]
        elif isinstance(at, dict) and word in at:
            at = at[word]
        else:
            return ABSENT
    return at


def holds(actual: Any, expected: Any) -> bool:
    if isinstance(expected, Has):
        return actual is not ABSENT and expected.item in actual
    if isinstance(expected, Lacks):
        return actual is ABSENT or expected.item not in actual
    return bool(actual is expected or actual == expected)


def resolve(schema: Object) -> Object:
    name = schema.get("$ref", "").rpartition("/")[2]
    return SCHEMA["$defs"][name] if name else schema


def leaves(value: Any = VALUES, schema: Object = SCHEMA, path: str = "") -> list[str]:
    """The paths of the values that can be set; what is a map to the chart's user is one of them."""
    properties = resolve(schema).get("properties")
    if not properties or not value:
        return [path]
    return [leaf for key in value for leaf in leaves(value[key], properties[key], f"{path}.{key}".lstrip("."))]
