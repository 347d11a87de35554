"""The reviews that the bench sends."""

from __future__ import annotations

import json

import pytest

from bodies import ANNOTATIONS_MAX, BODIES, grown

SIZES = {"2.6 KB": 2646, "3.6 KB": 3551, "40 KB": 40_000, "1 MB": 1_000_000}


@pytest.mark.parametrize("name", SIZES)
def test_a_body_is_as_long_as_its_name_says(name: str) -> None:
    assert len(BODIES[name]) == SIZES[name]


@pytest.mark.parametrize("name", ["40 KB", "1 MB"])
def test_a_grown_pod_describes_each_variable_in_managed_fields(name: str) -> None:
    pod = json.loads(BODIES[name])["request"]["object"]
    managed = pod["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:containers"]
    assert len(pod["spec"]["containers"]) > 10
    for container in pod["spec"]["containers"][1:]:
        fields = managed[f'k:{{"name":"{container["name"]}"}}']["f:env"]
        assert {f'k:{{"name":"{one["name"]}"}}' for one in container["env"]} == set(fields) - {"."}


def test_annotations_stay_within_what_an_api_server_takes() -> None:
    pod = json.loads(grown(3_000_000))["request"]["object"]
    assert len(pod["metadata"]["annotations"]["example.com/settings"]) < 256 * 1024 and ANNOTATIONS_MAX < 256 * 1024
