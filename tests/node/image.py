"""The image of the Dockerfile, made on this machine: with no registry, and on a Debian of our own making.

`build_image()` returns an archive (OCI layout, tar) that containerd imports. It is kept in the cache under a hash of
what it is made of; so is the Debian, with and without the build's tools, in a storage of buildah's that nobody else
uses. The packages come from where this machine's apt has its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "regionfit"

REFERENCE = "localhost/regionfit:test"
BASE = "localhost/regionfit-base:test"
TOOLS = "localhost/regionfit-tools:test"
REVISION = "0123456789abcdef0123456789abcdef01234567"
SUITE = "bookworm"  # Debian 12, as the Dockerfile's own base

OLD_SECONDS = 7 * 24 * 3600


class ImageError(Exception):
    """A program that failed, and the end of what it said."""


def run(*command: object) -> str:
    """Its standard output."""
    environment = {**os.environ, "STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}
    words = [str(word) for word in command]
    result = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).splitlines()[-25:])
        raise ImageError(f"{' '.join(words)} failed with status {result.returncode}:\n{tail}")
    return result.stdout


def buildah(verb: str, *arguments: object) -> str:
    storage = CACHE / "buildah"
    return run("buildah", "--root", storage / "root", "--runroot", storage / "run", verb, *arguments)


@contextmanager
def locked() -> Iterator[None]:
    """Who comes second finds it done."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def version() -> str:
    """The project's."""
    found = re.search(r"^  version: '(.*)',$", (TOP / "meson.build").read_text(), re.MULTILINE)
    assert found
    return found[1]


def sources() -> list[Path]:
    """What the image is made of: what .dockerignore lets through, and how it is put together."""
    lines = (TOP / ".dockerignore").read_text().splitlines()
    named = [TOP / line[1:] for line in lines if line.startswith("!")]
    inside = [path for one in named for path in ([one] if one.is_file() else one.rglob("*")) if path.is_file()]
    return sorted([*inside, TOP / "Dockerfile", TOP / ".dockerignore", Path(__file__)])


def digest(paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def debian_sources() -> list[str]:
    """Lines for a sources.list: of what this machine's apt reads, all that belongs to SUITE."""
    lines = run("apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages")
    found = sorted({line for line in lines.splitlines() if re.fullmatch(rf"{SUITE}(-.*)?", line.split()[2])})
    if not found:
        raise ImageError(f"this machine's apt has no packages of Debian {SUITE}: is an apt-get update missing?")
    return found


def apt_options() -> list[str]:
    """How this machine's apt reaches its mirrors."""
    lines = run("apt-config", "dump", "--no-empty").splitlines()
    return [f"--aptopt={line}" for line in lines if re.match(r"Acquire::https?::", line)]


def exists(reference: str) -> bool:
    return bool(buildah("images", "--quiet", "--filter", f"reference={reference}"))


def make_base() -> None:
    """Debian's minimum, as the image that the Dockerfile starts from."""
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        archive = Path(folder) / "base.tar"
        run("mmdebstrap", "--quiet", "--variant=minbase", *apt_options(), SUITE, archive, *debian_sources())
        container = buildah("from", "scratch").strip()
        try:
            buildah("add", "--quiet", container, archive, "/")
            buildah("commit", "--quiet", container, BASE)
        finally:
            buildah("rm", container)


def build(reference: str, *options: object) -> None:
    """Layers that have not changed are taken from before; every time stamp is the same, so that layers are, too."""
    arguments = {"BASE": BASE, "VERSION": version(), "REVISION": REVISION}
    given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
    buildah("build", "--layers", "--timestamp=0", "--pull=never", *given, *options, "--tag", reference, TOP)


def forget_old(kept: Path) -> None:
    for path in CACHE.glob("image-*.tar"):
        if path != kept and time.time() - path.stat().st_mtime > OLD_SECONDS:
            path.unlink(missing_ok=True)


def make(archive: Path) -> None:
    buildah("rm", "--all")  # what a build that failed, or was killed, has left would hold on to its images
    if not exists(BASE):
        make_base()
    build(TOOLS, "--target=tools")  # named, so that what is forgotten below is not this
    build(REFERENCE)
    buildah("rmi", "--prune")
    fresh = archive.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    buildah("push", "--quiet", REFERENCE, f"oci-archive:{fresh}:{REFERENCE}")
    fresh.replace(archive)


def build_image() -> Path:
    """The archive; its image is named REFERENCE. A minute on a machine that has not made one, else seconds."""
    for program in ("buildah", "mmdebstrap"):
        if not shutil.which(program):
            raise ImageError(f"there is no {program} (Debian package {program})")
    archive = CACHE / f"image-{digest(sources())}.tar"
    with locked():
        if not archive.exists():
            make(archive)
        archive.touch()
        forget_old(archive)
    return archive


if __name__ == "__main__":
    print(build_image())
