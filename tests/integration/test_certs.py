"""`regionfit certs` as its users meet it: the command, what it makes, and clients that must trust that.

What a field must be is said by RFC 5280; the section stands beside the check.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from binary import REGIONFIT
from certificates import DAY, certs, create, extension, load, load_all, load_key, openssl_verify, shake_hands

KEYS = ["ca.key", "tls.key"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "certs"


@pytest.fixture
def made(folder: Path) -> Path:
    create(folder)
    return folder


def test_ca_is_as_rfc_5280_wants_it(made: Path) -> None:
    ca = load(made / "ca.crt")
    assert ca.version == x509.Version.v3
    assert ca.issuer == ca.subject
    constraints = extension(ca, x509.BasicConstraints)
    assert constraints.critical and constraints.value.ca and constraints.value.path_length == 0  # 4.2.1.9
    usage = extension(ca, x509.KeyUsage)
    assert usage.critical and usage.value.key_cert_sign  # 4.2.1.3
    assert not usage.value.digital_signature
    identifier = extension(ca, x509.SubjectKeyIdentifier)
    assert not identifier.critical  # 4.2.1.2
    assert identifier.value == x509.SubjectKeyIdentifier.from_public_key(ca.public_key())
    assert len(ca.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) <= 64  # ub-common-name, A.1


def test_server_certificate_is_as_rfc_5280_wants_it(made: Path) -> None:
    ca, server = load(made / "ca.crt"), load(made / "tls.crt")
    assert server.version == x509.Version.v3
    assert server.issuer == ca.subject  # 4.1.2.4
    constraints = extension(server, x509.BasicConstraints)
    assert constraints.critical and not constraints.value.ca
    usage = extension(server, x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    assert list(extension(server, x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.SERVER_AUTH]  # 4.2.1.12
    authority = extension(server, x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == extension(ca, x509.SubjectKeyIdentifier).value.digest  # 4.2.1.1
    ca.public_key().verify(
        server.signature, server.tbs_certificate_bytes, ec.ECDSA(server.signature_hash_algorithm)
    )
    assert isinstance(server.signature_hash_algorithm, hashes.SHA256)


def test_names_and_addresses_are_told_apart(made: Path) -> None:
    names = extension(load(made / "tls.crt"), x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["regionfit.gpu.svc", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]


def test_lives_are_90_days_and_ten_years_from_five_minutes_ago(made: Path) -> None:
    now = datetime.datetime.utcnow()
    for name, days in (("tls.crt", 90), ("ca.crt", 3650)):
        certificate = load(made / name)
        begin = certificate.not_valid_before + datetime.timedelta(minutes=5)
        assert abs(now - begin) < datetime.timedelta(minutes=1)
        assert certificate.not_valid_after - begin == days * DAY


def test_lives_are_as_asked_for_and_end_with_the_ca(folder: Path) -> None:
    create(folder, "--days", "30", "--ca-days", "20")
    assert load(folder / "tls.crt").not_valid_after == load(folder / "ca.crt").not_valid_after
    create(folder, "--days", "7", "--ca-days", "20", "--force")
    ca, server = load(folder / "ca.crt"), load(folder / "tls.crt")
    assert ca.not_valid_after - server.not_valid_after == 13 * DAY


def test_serial_numbers_are_positive_short_and_random(made: Path) -> None:
    first = {load(made / name).serial_number for name in ("ca.crt", "tls.crt")}
    create(made, "--force")
    numbers = first | {load(made / name).serial_number for name in ("ca.crt", "tls.crt")}
    assert len(numbers) == 4
    for number in numbers:
        assert number > 0 and number.bit_length() <= 20 * 8 - 1  # 4.1.2.2
        assert number.bit_length() > 128


@pytest.mark.parametrize("name", ["ca", "tls"])
def test_keys_are_p256_and_belong_to_their_certificates(made: Path, name: str) -> None:
    key = load_key(made / f"{name}.key")
    assert isinstance(key.curve, ec.SECP256R1)
    assert key.public_key().public_numbers() == load(made / f"{name}.crt").public_key().public_numbers()


@pytest.mark.parametrize(
    "options, accepted",
    [
        ([], True),
        (["-verify_hostname", "regionfit.gpu.svc"], True),
        (["-verify_hostname", "other.gpu.svc"], False),
        (["-verify_ip", "127.0.0.1"], True),
        (["-verify_ip", "::1"], True),
        (["-verify_ip", "127.0.0.2"], False),
    ],
)
def test_openssl_accepts_it_under_its_names_only(made: Path, options: list[str], accepted: bool) -> None:
    assert openssl_verify(made / "ca-bundle.crt", made / "tls.crt", *options) == accepted


def test_a_tls_client_trusts_it_with_the_bundle_only(made: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    create(other)
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())
    assert shake_hands(made, (made / "ca-bundle.crt").read_text(), "127.0.0.1")
    assert not shake_hands(made, (made / "ca-bundle.crt").read_text(), "example.com")
    assert not shake_hands(made, (other / "ca-bundle.crt").read_text())


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_keys_are_private_whatever_the_umask(folder: Path, umask: int) -> None:
    certs("create", folder, "--san", "a", preexec_fn=lambda: os.umask(umask))
    certs("rotate-ca", folder, preexec_fn=lambda: os.umask(umask))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert {path.name for path in folder.glob("*.key")} == {*KEYS, "ca-next.key"}


def test_create_leaves_a_ca_alone_unless_forced(made: Path) -> None:
    before = (made / "ca.crt").read_bytes()
    assert "rotate-ca" in certs("create", made, "--san", "a", status=1)
    assert (made / "ca.crt").read_bytes() == before
    certs("create", made, "--san", "a", "--force")
    assert (made / "ca.crt").read_bytes() != before
    assert len(load_all(made / "ca-bundle.crt")) == 1


def test_a_copy_without_links_works_too(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-rL", made, copy], check=True)
    for path in copy.glob("..*"):
        subprocess.run(["rm", "-r", path], check=True)
    assert not (copy / "tls.crt").is_symlink()
    certs("renew", copy, "--force")
    assert (copy / "ca.crt").read_bytes() == (made / "ca.crt").read_bytes()
    assert openssl_verify(made / "ca-bundle.crt", copy / "tls.crt")


def without_override(command: list[str]) -> list[str]:
    """Root without the capability that lets it write anywhere; other users have none to begin with."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]


@pytest.mark.parametrize("verb", ["renew --force", "rotate-ca", "create --san a --force"])
def test_a_folder_that_cannot_be_written_stays_as_it_is(made: Path, verb: str) -> None:
    before = (made / "tls.crt").read_bytes()
    made.chmod(0o500)
    try:
        words = verb.split()
        command = without_override([REGIONFIT, "certs", words[0], str(made), *words[1:]])
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1
        assert done.stderr.startswith(f"regionfit certs {words[0]}: {made}: ")
        assert "Permission denied" in done.stderr
    finally:
        made.chmod(0o700)
    assert (made / "tls.crt").read_bytes() == before


def test_renewals_at_the_same_time_leave_one_whole_pair(made: Path) -> None:
    running = [subprocess.Popen([REGIONFIT, "certs", "renew", made, "--force"], stdout=subprocess.DEVNULL)
               for _ in range(8)]
    assert [process.wait(60) for process in running] == [0] * 8
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())
    assert len(list(made.glob("..generation-*"))) == 1


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").write_text("else")
    tmp_path.chmod(0o777)
    assert "others may write" in certs("create", tmp_path, "--san", "a", status=1)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o777
    assert [path.name for path in tmp_path.iterdir()] == ["something"]


@pytest.mark.parametrize(
    "words, status, sentence",
    [
        ("", 2, "create, renew, rotate-ca or show"),
        ("crate D", 2, '"crate"'),
        ("create", 2, "folder"),
        ("create D", 2, "--san"),
        ("create D E --san a", 2, "one folder"),
        ("create D --san", 2, "needs a value"),
        ("create D --san 10.0.0.300", 2, "IPv4"),
        ("create D --san a_b", 2, "a_b"),
        ("create D --san a --days 0", 2, "--days"),
        ("create D --san a --days x", 2, "--days"),
        ("create D --san a --days 36501", 2, "36500"),
        ("create D --san a --ca-days -1", 2, "--ca-days"),
        ("create D --san a --finish", 2, "--finish"),
        ("renew D --ca-days 5", 2, "--ca-days"),
        ("rotate-ca D --finish --drop-old", 2, "steps of their own"),
        ("show D --base64", 2, "--ca-bundle"),
        ("show D -o yaml", 2, "yaml"),
        ("show D -x", 2, "-x"),
        ("show D", 1, "D"),
        ("renew D", 1, "D"),
        ("rotate-ca D", 1, "D"),
        ("create D/E --san a", 1, "D/E"),
    ],
)
def test_wrong_usage_gets_a_sentence(tmp_path: Path, words: str, status: int, sentence: str) -> None:
    said = certs(*words.split(), status=status, cwd=tmp_path)
    assert said.startswith("regionfit certs")
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", [[], ["create"], ["renew"], ["rotate-ca"], ["show"]])
def test_help_is_to_be_had(verb: list[str]) -> None:
    said = certs(*verb, "--help")
    assert said.startswith("Usage: regionfit certs")
    assert all(len(line) <= 110 for line in said.splitlines())
