"""A server that is given policies and a certificate loads nothing that only clusters and new certificates take."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from binary import REGIONFIT, run
from conftest import Serve
from objects import pod, pool
from server import Server


def given(folder: Path) -> tuple[list[str], str]:
    """Options and CA."""
    done = run("certs", "create", folder, "--san", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    options = ["--tls-cert", str(folder / "tls.crt"), "--tls-key", str(folder / "tls.key")]
    return options, (folder / "ca-bundle.crt").read_text()


def process_of(server: Server) -> Path:
    assert server.process
    return Path(f"/proc/{server.process.pid}")


def libraries(server: Server) -> set[str]:
    return set(re.findall(r"/(lib[a-z0-9]+)[^/\n]*\.so", (process_of(server) / "maps").read_text()))


def test_with_a_certificate_neither_openssl_nor_libcurl_is_loaded(serve: Serve, tmp_path: Path) -> None:
    options, ca = given(tmp_path / "given")
    server = serve(*options, objects=pool(4), ca=ca)
    assert {"libgnutls", "libmicrohttpd"} <= libraries(server)
    assert not {"libcrypto", "libssl", "libcurl", "libldap", "libkrb"} & libraries(server)
    assert server.create(pod(1))


def test_its_arguments_are_those_that_were_given(serve: Serve, tmp_path: Path) -> None:
    options, ca = given(tmp_path / "given")
    server = serve(*options, objects=pool(4), ca=ca)
    first, *others = (process_of(server) / "cmdline").read_text().split("\0")[:-1]
    assert first == "regionfit" and others[:2] == ["serve", "--manifests"] and others[-4:] == options


def test_it_serves_where_the_smaller_program_is_missing(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options, ca = given(tmp_path / "given")
    program = shutil.copy(REGIONFIT, tmp_path / "regionfit")
    monkeypatch.setattr("server.REGIONFIT", str(program))
    server = serve(*options, objects=pool(4), ca=ca)
    assert process_of(server).joinpath("exe").resolve() == program
    assert "libcurl" in libraries(server)
    assert server.create(pod(1))


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    options, _ = given(tmp_path / "given")
    other, _ = given(tmp_path / "other")
    (tmp_path / "manifests").mkdir()
    done = run("serve", "--manifests", tmp_path / "manifests", "--listen", "127.0.0.1:0", *options[:2], *other[2:])
    assert done.returncode == 1
    assert done.stderr.endswith("regionfit serve: the private key does not belong to the certificate\n")


def test_the_smaller_program_says_who_is_to_start_it() -> None:
    done = subprocess.run([f"{REGIONFIT}-alone", "version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "is started by regionfit" in done.stderr
