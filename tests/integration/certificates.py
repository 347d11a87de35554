"""`regionfit certs`, and what others than its authors make of its files.

The verifiers are not ours: openssl(1), python3-cryptography, and the TLS client of Python's ssl module.
"""

from __future__ import annotations

import datetime
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from binary import run

DAY = datetime.timedelta(days=1)
NAMES = ["regionfit.gpu.svc", "localhost", "127.0.0.1", "::1"]


def certs(*arguments: object, status: int = 0, **options: Any) -> str:
    """Runs the command, checks its exit status, and returns what it printed: standard output, or the error."""
    done = run("certs", *arguments, **options)
    assert done.returncode == status, done.stdout + done.stderr
    assert bool(done.stderr) == (status != 0), done.stderr
    return done.stderr if status else done.stdout


def create(folder: Path, *options: str) -> str:
    return certs("create", folder, *[word for name in NAMES for word in ("--san", name)], *options)


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def load_all(path: Path) -> list[x509.Certificate]:
    end = b"-----END CERTIFICATE-----\n"
    return [x509.load_pem_x509_certificate(part + end) for part in path.read_bytes().split(end) if part]


def load_key(path: Path) -> Any:
    return serialization.load_pem_private_key(path.read_bytes(), None)


def extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    return certificate.extensions.get_extension_for_class(kind)


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def openssl_verify(bundle: Path, certificate: Path, *options: str) -> bool:
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", bundle, *options, certificate]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).returncode == 0


def shake_hands(folder: Path, bundle: str, name: str = "localhost") -> bool:
    """A TLS server with the folder's pair meets a client that trusts `bundle` (PEM) alone; true if it is content."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    client = ssl.create_default_context(cadata=bundle)
    ours, theirs = socket.socketpair()

    def serve() -> None:
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


def replace_server(folder: Path, left: datetime.timedelta) -> None:
    """Puts a server certificate of the folder's CA, made by python3-cryptography, with `left` of its life left."""
    end = datetime.datetime.utcnow() + left
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "foreign")]))
        .issuer_name(load(folder / "ca.crt").subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 90 * DAY)
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("kept.svc")]), False)
        .sign(load_key(folder / "ca.key"), hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
