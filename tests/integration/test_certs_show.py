"""What `regionfit certs show` tells people, scripts and clients about a folder."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest

from binary import REGIONFIT
from certificates import DAY, NAMES, certs, create, fingerprint, load, load_all, replace_server


@pytest.fixture
def made(tmp_path: Path) -> Path:
    create(tmp_path / "certs")
    return tmp_path / "certs"


def test_show_json_agrees_with_what_others_read(made: Path) -> None:
    certs("rotate-ca", made)
    shown = json.loads(certs("show", made, "-o", "json"))
    server = load(made / "tls.crt")
    assert shown["folder"] == str(made)
    assert shown["server"]["fingerprintSHA256"] == fingerprint(server)
    assert shown["server"]["subject"] == server.subject.rfc4514_string()
    assert shown["server"]["issuer"] == server.issuer.rfc4514_string()
    assert shown["server"]["dnsNames"] == ["regionfit.gpu.svc", "localhost"]
    assert shown["server"]["ipAddresses"] == ["127.0.0.1", "::1"]
    assert shown["server"]["notBefore"] == server.not_valid_before.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shown["server"]["notAfter"] == server.not_valid_after.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert shown["server"]["daysLeft"] in (89, 90)
    assert [ca["role"] for ca in shown["caBundle"]] == ["signs", "next"]
    assert [ca["fingerprintSHA256"] for ca in shown["caBundle"]] == [
        fingerprint(ca) for ca in load_all(made / "ca-bundle.crt")
    ]
    assert shown["problems"] == []


def test_show_text_has_what_a_person_asks_for(made: Path) -> None:
    said = certs("show", made)
    server, ca = load(made / "tls.crt"), load(made / "ca.crt")
    for word in [*NAMES, fingerprint(server), fingerprint(ca), ca.subject.rfc4514_string(), "days left",
                 server.not_valid_after.strftime("%Y-%m-%d"), "signs now"]:
        assert word in said


def test_show_tells_what_there_is_to_do(made: Path) -> None:
    replace_server(made, -DAY)
    (made / "ca.key").chmod(0o644)
    said = certs("show", made)
    assert "EXPIRED" in said
    assert "should be renewed: it has expired" in said
    assert "ca.key may be read by others (mode 0644)" in said
    certs("renew", made)
    assert "To do" not in certs("show", made)


def test_the_bundle_is_printed_alone(made: Path) -> None:
    certs("rotate-ca", made)
    pem = certs("show", made, "--ca-bundle")
    line = certs("show", made, "--ca-bundle", "--base64")
    assert pem == (made / "ca-bundle.crt").read_text()
    assert line.count("\n") == 1
    assert base64.b64decode(line, validate=False).decode() == pem
    assert base64.b64encode(pem.encode()).decode() == line.strip()


def test_a_full_disk_is_a_failure(made: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([REGIONFIT, "certs", "show", made, "--ca-bundle"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"No space left" in done.stderr
