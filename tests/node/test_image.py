"""The image: what is in it, and that the program runs with nothing else, as a user without rights, on a root that
cannot be written. That a kubelet starts it is seen in the tests beside this one.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from image import REFERENCE, REVISION, TOP, build_image, version

USER = 65532
PROGRAM = "usr/bin/regionfit"
ALONE = "usr/bin/regionfit-alone"  # which it becomes where it is given policies and a certificate
SIZE_MAX = 25_000_000

# chroot(1) on a mount that is read-only, as the user of the image, with an environment that says nothing.
IN_IMAGE = """
mount --bind "$0" "$0"
mount -o remount,bind,ro "$0"
exec env -i /usr/sbin/chroot --userspec="$1:$1" "$0" "${@:2}"
"""


@dataclass
class Image:
    root: Path
    config: dict[str, Any]
    annotations: dict[str, str]
    files: dict[str, tarfile.TarInfo]

    def command(self, *words: str) -> list[str]:
        return ["unshare", "--mount", "bash", "-euc", IN_IMAGE, str(self.root), str(USER), *words]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=60)


def blob(archive: tarfile.TarFile, digest: str) -> Any:
    return archive.extractfile("blobs/" + digest.replace(":", "/"))


def unpack(path: Path, root: Path) -> Image:
    """As a runtime does it (OCI image specification 1.0)."""
    files: dict[str, tarfile.TarInfo] = {}
    with tarfile.open(path) as archive:
        index = archive.extractfile("index.json")
        assert index
        (entry,) = json.load(index)["manifests"]
        manifest = json.load(blob(archive, entry["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=blob(archive, layer["digest"])) as content:
                content.extractall(root)
                files.update({member.name.removeprefix("./").rstrip("/"): member for member in content})
        return Image(root, json.load(blob(archive, manifest["config"]["digest"])), entry["annotations"], files)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    root = tmp_path_factory.mktemp("image") / "root"
    root.mkdir(mode=0o755)
    return unpack(build_image(), root)


@pytest.fixture(scope="module")
def libraries(image: Image) -> set[str]:
    """What the loader finds for the program, the loader among it."""
    (loader,) = [name for name in image.files if Path(name).name.startswith("ld-linux")]
    listed = image.run(f"/{loader}", "--list", f"/{PROGRAM}")
    assert listed.returncode == 0 and "not found" not in listed.stdout, listed
    return {name.lstrip("/") for name in re.findall(r"(/\S+) \(0x", listed.stdout)}


def test_it_has_less_than_25_megabytes(image: Image) -> None:
    total = sum(member.size for member in image.files.values())
    largest = sorted(image.files.values(), key=lambda member: -member.size)[:5]
    print(f"{total / 1e6:.1f} MB; " + ", ".join(f"{one.name} {one.size / 1e6:.1f}" for one in largest))
    assert total < SIZE_MAX


def test_it_says_what_to_run_and_as_whom(image: Image) -> None:
    config = image.config["config"]
    assert config["User"] == f"{USER}:{USER}"  # a number: the kubelet checks runAsNonRoot against it
    assert config["Entrypoint"] == [f"/{PROGRAM}"] and config["Cmd"] == ["serve"]
    assert image.annotations["org.opencontainers.image.ref.name"] == REFERENCE


def test_its_labels_say_what_it_is(image: Image) -> None:
    labels = image.config["config"]["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[prefix + "title"] == "regionfit"
    assert "admission webhook" in labels[prefix + "description"]
    assert labels[prefix + "version"] == version()
    assert labels[prefix + "revision"] == REVISION
    assert labels[prefix + "licenses"] == "Apache-2.0"


def test_the_dockerfile_has_the_projects_version_by_default() -> None:
    assert f"\nARG VERSION={version()}\n" in (TOP / "Dockerfile").read_text()


def test_the_programs_are_all_that_can_be_run_and_its_libraries_are_all_that_is_loaded(
    image: Image, libraries: set[str]
) -> None:
    executable = {name for name, member in image.files.items() if member.isfile() and member.mode & 0o111}
    elf = {name for name, member in image.files.items() if member.isfile() and is_elf(image.root / name)}
    assert executable == elf == {PROGRAM, ALONE} | libraries


def is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def test_there_is_nothing_else_but_what_describes_it(image: Image, libraries: set[str]) -> None:
    others = {name for name, member in image.files.items() if not member.isdir()} - libraries - {PROGRAM, ALONE}
    described = re.compile(r"usr/share/doc/[^/]+/copyright|var/lib/dpkg/status\.d/[^/]+")
    assert {name for name in others if not described.fullmatch(name)} == {
        "etc/group",
        "etc/nsswitch.conf",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/share/doc/regionfit/LICENSE",
    }


def test_a_scanner_finds_a_version_and_a_reader_a_licence_for_each_library(
    image: Image, libraries: set[str]
) -> None:
    packages = {path.name: path.read_text() for path in (image.root / "var/lib/dpkg/status.d").iterdir()}
    for name, text in packages.items():
        assert f"Package: {name}\n" in text and "\nVersion: " in text
        assert (image.root / "usr/share/doc" / name / "copyright").stat().st_size
    assert {"libc6", "libcurl4", "libgnutls30", "libssl3", "ca-certificates"} < packages.keys()
    assert len(packages) <= len(libraries)  # several libraries may be of one package


def test_nothing_in_it_gives_rights_or_can_be_written(image: Image) -> None:
    for name, member in image.files.items():
        assert (member.uid, member.gid) == (0, 0), name
        assert not member.mode & 0o6000, f"{name} is setuid or setgid"
        assert not member.mode & 0o022, f"{name} can be written"
        assert member.isdir() or member.isfile(), f"{name} is neither a file nor a folder"
        assert not any(key.startswith("SCHILY.xattr.") for key in member.pax_headers), f"{name} has capabilities"


def test_it_trusts_the_public_authorities(image: Image) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(image.root / "etc/ssl/certs/ca-certificates.crt")
    assert len(context.get_ca_certs()) > 100


def test_its_user_has_a_name(image: Image) -> None:
    assert (image.root / "etc/passwd").read_text().startswith(f"nonroot:x:{USER}:{USER}:")


@pytest.mark.parametrize("program", [PROGRAM, ALONE])
def test_the_program_is_hardened(image: Image, program: str) -> None:
    shown = subprocess.run(
        ["readelf", "--wide", "--headers", "--dynamic", "--dyn-syms", str(image.root / program)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert re.search(r"Type: +DYN \(Position-Independent Executable file\)", shown)
    assert "GNU_RELRO" in shown and "BIND_NOW" in shown  # together: no function's address can be overwritten
    assert re.search(r"GNU_STACK .* RW +0x", shown), "the stack is not executable"
    assert "__stack_chk_fail" in shown and "_chk@GLIBC" in shown  # stack protector, _FORTIFY_SOURCE
    assert ".dynsym" in shown and ".symtab" not in shown, "it is stripped"


def test_the_program_runs_in_it(image: Image) -> None:
    done = image.run(f"/{PROGRAM}", "version")
    assert (done.returncode, done.stdout) == (0, f"regionfit {version()}\n"), done.stderr


@contextmanager
def serving(image: Image, log: Path) -> Iterator[str]:
    """Its address, once it serves no policies."""
    command = image.command(f"/{PROGRAM}", "serve", "--manifests", "/etc/ssl", "--listen", "127.0.0.1:0")
    with log.open("wb") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            deadline = time.monotonic() + 30
            while not (found := re.search(r"serving.*address=(\S+)", log.read_text())):
                assert process.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield found[1]
        finally:
            process.terminate()
            assert process.wait(30) == 0, log.read_text()


def test_it_serves_without_writing_anything(image: Image, tmp_path: Path) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with serving(image, tmp_path / "log") as address:
        with urlopen(f"https://{address}/readyz", context=context, timeout=30) as answer:
            assert answer.status == 200
