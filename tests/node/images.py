"""Images that come from no registry."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

BUSYBOX = "localhost/busybox:test"
CONTAINERFILE = """\
FROM scratch
COPY busybox /bin/busybox
ENTRYPOINT ["/bin/busybox"]
CMD ["sleep", "2147483647"]
"""


def build_busybox(folder: Path) -> Path:
    """Debian's static busybox alone, as an OCI archive: what a pod's sandbox runs, and the tests' own pods."""
    context = folder / "busybox"
    context.mkdir()
    (context / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
    (context / "busybox").chmod(0o755)
    (context / "Containerfile").write_text(CONTAINERFILE)
    archive = folder / "busybox.tar"
    buildah(folder, "build", "--quiet", "--tag", BUSYBOX, str(context))
    buildah(folder, "push", "--quiet", BUSYBOX, f"oci-archive:{archive}:{BUSYBOX}")
    return archive


def buildah(folder: Path, *arguments: str) -> None:
    """Keeps what it makes in `folder`."""
    storage = [f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}", "--storage-driver=vfs"]
    environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
    subprocess.run(["buildah", *storage, *arguments], check=True, env=environment, capture_output=True, timeout=300)
