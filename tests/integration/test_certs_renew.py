"""Certificates that are replaced in time: renewal of the server's, and the rotation of the CA."""

from __future__ import annotations

import datetime
import ipaddress
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from certificates import DAY, certs, create, extension, load, load_all, replace_server, shake_hands


@pytest.fixture
def made(tmp_path: Path) -> Path:
    create(tmp_path / "certs")
    return tmp_path / "certs"


@pytest.mark.parametrize(
    "left, renewed",
    [(31 * DAY, False), (29 * DAY, True), (DAY, True), (-DAY, True)],
    ids=["more than a third left", "less than a third left", "a day left", "expired"],
)
def test_renew_when_a_third_of_the_life_is_left(made: Path, left: datetime.timedelta, renewed: bool) -> None:
    replace_server(made, left)
    before = load(made / "tls.crt")
    said = certs("renew", made)
    after = load(made / "tls.crt")
    assert said.startswith("Renewed" if renewed else "Nothing to do")
    assert (after != before) == renewed
    assert extension(after, x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == ["kept.svc"]


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
@pytest.mark.parametrize("text", [None, "", "garbage\n", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_renew_mends_a_damaged_pair(made: Path, name: str, text: str | None) -> None:
    if text is None:
        (made / name).unlink()
    else:
        (made / name).write_text(text)
    assert name in certs("show", made)
    assert name in certs("renew", made, "--san", "localhost")
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())


def test_renew_mends_a_key_of_another_certificate(made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    create(other)
    (made / "tls.key").write_bytes((other / "tls.key").read_bytes())
    assert "tls.key is not the key of tls.crt" in certs("renew", made)
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())  # the names were kept


def test_renew_replaces_a_certificate_of_another_ca(made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    create(other)
    for name in ("tls.crt", "tls.key"):
        (made / name).write_bytes((other / name).read_bytes())
    assert "not signed by the CA" in certs("renew", made)
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())


def test_renew_changes_names_when_told(made: Path) -> None:
    certs("renew", made, "--san", "localhost", "--san", "10.0.0.1")
    names = extension(load(made / "tls.crt"), x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.0.0.1")]
    assert certs("renew", made, "--san", "10.0.0.1", "--san", "LocalHost").startswith("Nothing to do")


def test_renew_takes_a_new_key(made: Path) -> None:
    before = (made / "tls.key").read_bytes()
    certs("renew", made, "--force")
    assert (made / "tls.key").read_bytes() != before


def test_renew_works_with_a_foreign_rsa_ca(made: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Somebody"),
                      x509.NameAttribute(NameOID.COMMON_NAME, "Their CA")])
    now = datetime.datetime.utcnow()
    ca = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - DAY)
        .not_valid_after(now + 10 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    (made / "ca.crt").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (made / "ca.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    certs("renew", made)
    assert shake_hands(made, (made / "ca.crt").read_text())
    assert load(made / "tls.crt").not_valid_after == ca.not_valid_after


def test_a_rotation_with_a_client_that_does_as_it_is_told(made: Path) -> None:
    first = (made / "ca-bundle.crt").read_text()

    said = certs("rotate-ca", made)
    assert "--finish" in said and "--ca-bundle" in said
    assert shake_hands(made, first), "the client has not got the new bundle yet"
    bundle = certs("show", made, "--ca-bundle")
    assert shake_hands(made, bundle)

    old_pair = made.parent / "old"
    subprocess.run(["cp", "-rL", made, old_pair], check=True)
    assert "--drop-old" in certs("rotate-ca", made, "--finish")
    assert shake_hands(made, bundle)
    assert not shake_hands(made, first), "else the rotation has rotated nothing"
    assert shake_hands(old_pair, certs("show", made, "--ca-bundle")), "a server that has not read its files again"

    certs("rotate-ca", made, "--drop-old")
    last = certs("show", made, "--ca-bundle")
    assert shake_hands(made, last)
    assert not shake_hands(old_pair, last)
    assert load(made / "ca.crt").subject != load(old_pair / "ca.crt").subject


def test_a_rotation_goes_on_wherever_it_was_left(made: Path) -> None:
    assert "nothing was changed" in certs("rotate-ca", made, "--drop-old")
    assert "no rotation is under way" in certs("rotate-ca", made, "--finish", status=1)
    certs("rotate-ca", made)
    staged = (made / "ca-next.crt").read_bytes()
    assert "nothing was changed" in certs("rotate-ca", made)
    certs("renew", made, "--force")  # renewal in between neither ends nor speeds it up
    assert (made / "ca-next.crt").read_bytes() == staged
    assert len(load_all(made / "ca-bundle.crt")) == 2
    certs("rotate-ca", made, "--finish")
    assert (made / "ca.crt").read_bytes() == staged
    assert not (made / "ca-next.crt").exists() and not (made / "ca-next.key").exists()
    assert "nothing was changed" in certs("rotate-ca", made, "--finish")
    certs("rotate-ca", made)  # a second rotation while the first one's CA is still trusted
    assert len(load_all(made / "ca-bundle.crt")) == 3
    certs("rotate-ca", made, "--drop-old")
    assert len(load_all(made / "ca-bundle.crt")) == 2
    certs("rotate-ca", made, "--finish")
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())
