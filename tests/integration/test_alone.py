"""A server that is given policies and a certificate loads nothing that only clusters and new certificates take."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from binary import REGIONFIT, run
from conftest import Serve
from objects import pod, pool
from server import Server, wait_until, write_manifests
from test_metrics import samples
from test_reload import Authority, served_serial


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


def signals(process: Path, field: str) -> set[int]:
    """Blocked ones, say, as proc(5) has them: a bit for each, the first for signal 1."""
    mask = re.search(rf"^{field}:\s*([0-9a-f]+)$", (process / "status").read_text(), re.MULTILINE)
    assert mask
    return {number for number in range(1, 65) if int(mask[1], 16) >> (number - 1) & 1}


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
    server = serve(*options, "--log-level", "debug", objects=pool(4), ca=ca)
    assert process_of(server).joinpath("exe").resolve() == program
    assert "libcurl" in libraries(server)
    server.wait_for_log(rf'level=debug msg="cannot go on as the smaller program" program={program}-alone error=')
    assert server.create(pod(1))


@pytest.mark.parametrize("alone", [True, False], ids=["the smaller program", "the larger one"])
def test_both_programs_serve_alike(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    if not alone:
        monkeypatch.setattr("server.REGIONFIT", shutil.copy(REGIONFIT, tmp_path / "regionfit"))
    authority = Authority(tmp_path / "authority")
    pair = [str(authority.folder / name) for name in ("tls.crt", "tls.key")]
    options = ["--tls-cert", pair[0], "--tls-key", pair[1], "--metrics", "127.0.0.1:0", "--shutdown-delay", "1s"]
    server = serve(*options, objects=pool(2), ca=authority.ca)
    assert ("libcurl" in libraries(server)) is not alone

    checks = ["policies ok", "ledger ok", "certificate ok", "serving ok"]
    ready = server.ask("GET", "/readyz?verbose").text.split("\n")
    assert ready[:5] == [*(f"[+]{one}" for one in checks), "readyz check passed"]
    assert server.create(pod(1)) and server.create(pod(1)) and server.remaining() == 0
    found = samples(server)
    assert found["regionfit_ledger_reservations", frozenset()] == 2
    assert found["regionfit_ledger_late_pods_total", frozenset()] == 0

    write_manifests(server.manifests, *pool(3))
    authority.renew()
    server.signal(signal.SIGHUP)
    wait_until("the certificate is served", lambda: served_serial(server) == authority.serial())
    wait_until("the quota is in force", lambda: server.remaining() == 1)

    server.signal(signal.SIGTERM)
    wait_until("it is unready", lambda: server.ask("GET", "/readyz").status == 503)
    assert server.wait() == 0
    assert "msg=stopped" in server.log()


def test_the_hand_over_keeps_what_the_process_was_given(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "input").touch()

    def prepare() -> None:
        os.chdir(tmp_path)
        os.dup2(os.open("input", os.O_RDONLY), 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGUSR2])
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):  # nohup ignores these
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)

    monkeypatch.setenv("GIVEN_TO_REGIONFIT", "a value = with signs")
    _, ca = given(tmp_path / "given")
    server = serve("--tls-cert", "given/tls.crt", "--tls-key", "given/tls.key", ca=ca, prepare=prepare)
    assert "libcurl" not in libraries(server)
    process = process_of(server)
    environment = dict(one.split("=", 1) for one in (process / "environ").read_text().split("\0")[:-1])
    assert environment == dict(os.environ)
    assert (process / "cwd").resolve() == tmp_path
    streams = [tmp_path / "input", server.audit_path, server.log_path]
    assert [(process / "fd" / str(number)).resolve() for number in range(3)] == streams
    own = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}  # which serving takes in its own way
    assert signals(process, "SigBlk") == own | {signal.SIGUSR2}
    assert signals(process, "SigIgn") == {signal.SIGPIPE, signal.SIGWINCH}


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
