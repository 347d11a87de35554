"""`regionfit certs` as its users meet it: the command, the files, and clients that must trust them.

The verifiers are not ours: openssl(1), python3-cryptography, and the TLS client of Python's ssl module. What a field
must be is said by RFC 5280; the section stands beside the check.
"""

import base64
import datetime
import ipaddress
import json
import os
import socket
import ssl
import stat
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from binary import REGIONFIT

DAY = datetime.timedelta(days=1)
KEYS = ["ca.key", "tls.key"]
NAMES = ["regionfit.gpu.svc", "localhost", "127.0.0.1", "::1"]


def certs(*arguments, status=0, **options):
    """Runs the command, checks its exit status, and returns what it printed: standard output, or the error."""
    done = subprocess.run(
        [REGIONFIT, "certs", *map(str, arguments)], capture_output=True, text=True, timeout=60, **options
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert bool(done.stderr) == (status != 0), done.stderr
    return done.stderr if status else done.stdout


def create(folder, *options):
    return certs("create", folder, *[word for name in NAMES for word in ("--san", name)], *options)


def load(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def load_all(path):
    end = b"-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate(part + end) for part in path.read_bytes().split(end) if part]


def load_key(path):
    return serialization.load_pem_private_key(path.read_bytes(), None)


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind)


def fingerprint(certificate):
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def openssl_verify(bundle, certificate, *options):
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", bundle, *options, certificate]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).returncode == 0


def shake_hands(folder, bundle, name="localhost"):
    """A TLS server with the folder's pair meets a client that trusts `bundle` (PEM) alone; true if it is content."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    client = ssl.create_default_context(cadata=bundle)
    ours, theirs = socket.socketpair()

    def serve():
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(ours, server_hostname=name).close()
        return True
    except ssl.SSLCertVerificationError:
        return False
    finally:
        ours.close()
        thread.join()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "certs"


@pytest.fixture
def made(folder):
    create(folder)
    return folder


# What is made


def test_ca_is_as_rfc_5280_wants_it(made):
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


def test_server_certificate_is_as_rfc_5280_wants_it(made):
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


def test_names_and_addresses_are_told_apart(made):
    names = extension(load(made / "tls.crt"), x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["regionfit.gpu.svc", "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]


def test_lives_are_90_days_and_ten_years_from_five_minutes_ago(made):
    now = datetime.datetime.utcnow()
    for name, days in (("tls.crt", 90), ("ca.crt", 3650)):
        certificate = load(made / name)
        begin = certificate.not_valid_before + datetime.timedelta(minutes=5)
        assert abs(now - begin) < datetime.timedelta(minutes=1)
        assert certificate.not_valid_after - begin == days * DAY


def test_lives_are_as_asked_for_and_end_with_the_ca(folder):
    create(folder, "--days", "30", "--ca-days", "20")
    assert load(folder / "tls.crt").not_valid_after == load(folder / "ca.crt").not_valid_after
    create(folder, "--days", "7", "--ca-days", "20", "--force")
    ca, server = load(folder / "ca.crt"), load(folder / "tls.crt")
    assert ca.not_valid_after - server.not_valid_after == 13 * DAY


def test_serial_numbers_are_positive_short_and_random(made):
    first = {load(made / name).serial_number for name in ("ca.crt", "tls.crt")}
    create(made, "--force")
    numbers = first | {load(made / name).serial_number for name in ("ca.crt", "tls.crt")}
    assert len(numbers) == 4
    for number in numbers:
        assert number > 0 and number.bit_length() <= 20 * 8 - 1  # 4.1.2.2
        assert number.bit_length() > 128


@pytest.mark.parametrize("name", ["ca", "tls"])
def test_keys_are_p256_and_belong_to_their_certificates(made, name):
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
def test_openssl_accepts_it_under_its_names_only(made, options, accepted):
    assert openssl_verify(made / "ca-bundle.crt", made / "tls.crt", *options) == accepted


def test_a_tls_client_trusts_it_with_the_bundle_only(made, tmp_path):
    other = tmp_path / "other"
    create(other)
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())
    assert shake_hands(made, (made / "ca-bundle.crt").read_text(), "127.0.0.1")
    assert not shake_hands(made, (made / "ca-bundle.crt").read_text(), "example.com")
    assert not shake_hands(made, (other / "ca-bundle.crt").read_text())


# Files


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_keys_are_private_whatever_the_umask(folder, umask):
    certs("create", folder, "--san", "a", preexec_fn=lambda: os.umask(umask))
    certs("rotate-ca", folder, preexec_fn=lambda: os.umask(umask))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert {path.name for path in folder.glob("*.key")} == {*KEYS, "ca-next.key"}


def test_create_leaves_a_ca_alone_unless_forced(made):
    before = (made / "ca.crt").read_bytes()
    assert "rotate-ca" in certs("create", made, "--san", "a", status=1)
    assert (made / "ca.crt").read_bytes() == before
    certs("create", made, "--san", "a", "--force")
    assert (made / "ca.crt").read_bytes() != before
    assert len(load_all(made / "ca-bundle.crt")) == 1


def test_a_copy_without_links_works_too(made, tmp_path):
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-rL", made, copy], check=True)
    for path in copy.glob("..*"):
        subprocess.run(["rm", "-r", path], check=True)
    assert not (copy / "tls.crt").is_symlink()
    certs("renew", copy, "--force")
    assert (copy / "ca.crt").read_bytes() == (made / "ca.crt").read_bytes()
    assert openssl_verify(made / "ca-bundle.crt", copy / "tls.crt")


def without_override(command):
    """Root without the capability that lets it write anywhere; other users have none to begin with."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]


@pytest.mark.parametrize("verb", ["renew --force", "rotate-ca", "create --san a --force"])
def test_a_folder_that_cannot_be_written_stays_as_it_is(made, verb):
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


def test_renewals_at_the_same_time_leave_one_whole_pair(made):
    running = [subprocess.Popen([REGIONFIT, "certs", "renew", made, "--force"], stdout=subprocess.DEVNULL)
               for _ in range(8)]
    assert [process.wait(60) for process in running] == [0] * 8
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())
    assert len(list(made.glob("..generation-*"))) == 1


# Renewal


def replace_server(folder, left, life=90 * DAY, names=("kept.svc",), key=None):
    """Puts a server certificate of the folder's CA, made by python3-cryptography, with `left` of its life left."""
    end = datetime.datetime.utcnow() + left
    key = key or ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "foreign")]))
        .issuer_name(load(folder / "ca.crt").subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - life)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        .sign(load_key(folder / "ca.key"), hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )


@pytest.mark.parametrize(
    "left, renewed",
    [(31 * DAY, False), (29 * DAY, True), (DAY, True), (-DAY, True)],
    ids=["more than a third left", "less than a third left", "a day left", "expired"],
)
def test_renew_when_a_third_of_the_life_is_left(made, left, renewed):
    replace_server(made, left)
    before = load(made / "tls.crt")
    said = certs("renew", made)
    after = load(made / "tls.crt")
    assert said.startswith("Renewed" if renewed else "Nothing to do")
    assert (after != before) == renewed
    assert extension(after, x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == ["kept.svc"]


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
@pytest.mark.parametrize("text", [None, "", "garbage\n", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_renew_mends_a_damaged_pair(made, name, text):
    if text is None:
        (made / name).unlink()
    else:
        (made / name).write_text(text)
    assert name in certs("show", made)
    assert name in certs("renew", made, "--san", "localhost")
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())


def test_renew_mends_a_key_of_another_certificate(made, tmp_path):
    other = tmp_path / "other"
    create(other)
    (made / "tls.key").write_bytes((other / "tls.key").read_bytes())
    assert "tls.key is not the key of tls.crt" in certs("renew", made)
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())  # the names were kept


def test_renew_replaces_a_certificate_of_another_ca(made, tmp_path):
    other = tmp_path / "other"
    create(other)
    for name in ("tls.crt", "tls.key"):
        (made / name).write_bytes((other / name).read_bytes())
    assert "not signed by the CA" in certs("renew", made)
    assert shake_hands(made, (made / "ca-bundle.crt").read_text())


def test_renew_changes_names_when_told(made):
    certs("renew", made, "--san", "localhost", "--san", "10.0.0.1")
    names = extension(load(made / "tls.crt"), x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.0.0.1")]
    assert certs("renew", made, "--san", "10.0.0.1", "--san", "LocalHost").startswith("Nothing to do")


def test_renew_takes_a_new_key(made):
    before = (made / "tls.key").read_bytes()
    certs("renew", made, "--force")
    assert (made / "tls.key").read_bytes() != before


def test_renew_works_with_a_foreign_rsa_ca(made):
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


# Rotation


def test_a_rotation_with_a_client_that_does_as_it_is_told(made):
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


def test_a_rotation_goes_on_wherever_it_was_left(made):
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


# Show


def test_show_json_agrees_with_what_others_read(made):
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


def test_show_text_has_what_a_person_asks_for(made):
    said = certs("show", made)
    server, ca = load(made / "tls.crt"), load(made / "ca.crt")
    for word in [*NAMES, fingerprint(server), fingerprint(ca), ca.subject.rfc4514_string(), "days left",
                 server.not_valid_after.strftime("%Y-%m-%d"), "signs now"]:
        assert word in said


def test_show_tells_what_there_is_to_do(made):
    replace_server(made, -DAY)
    (made / "ca.key").chmod(0o644)
    said = certs("show", made)
    assert "EXPIRED" in said
    assert "should be renewed: it has expired" in said
    assert "ca.key may be read by others (mode 0644)" in said
    certs("renew", made)
    assert "To do" not in certs("show", made)


def test_the_bundle_is_printed_alone(made):
    certs("rotate-ca", made)
    pem = certs("show", made, "--ca-bundle")
    line = certs("show", made, "--ca-bundle", "--base64")
    assert pem == (made / "ca-bundle.crt").read_text()
    assert line.count("\n") == 1
    assert base64.b64decode(line, validate=False).decode() == pem
    assert base64.b64encode(pem.encode()).decode() == line.strip()


def test_a_full_disk_is_a_failure(made):
    with open("/dev/full", "w") as full:
        done = subprocess.run([REGIONFIT, "certs", "show", made, "--ca-bundle"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert b"No space left" in done.stderr


# Usage


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
def test_wrong_usage_gets_a_sentence(tmp_path, words, status, sentence):
    said = certs(*words.split(), status=status, cwd=tmp_path)
    assert said.startswith("regionfit certs")
    assert sentence in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", [[], ["create"], ["renew"], ["rotate-ca"], ["show"]])
def test_help_is_to_be_had(verb):
    said = certs(*verb, "--help")
    assert said.startswith("Usage: regionfit certs")
    assert all(len(line) <= 110 for line in said.splitlines())


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "something").write_text("else")
    tmp_path.chmod(0o777)
    assert "others may write" in certs("create", tmp_path, "--san", "a", status=1)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o777
    assert [path.name for path in tmp_path.iterdir()] == ["something"]
