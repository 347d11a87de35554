"""An image of Debian's static busybox alone: what the sandbox of a pod runs, and pods of the tests' own."""

from __future__ import annotations

import shutil
from pathlib import Path

from image import buildah, locked

BUSYBOX = "localhost/busybox:test"
CONTAINERFILE = """\
FROM scratch
COPY busybox /bin/busybox
ENTRYPOINT ["/bin/busybox"]
CMD ["sleep", "2147483647"]
"""


def build_busybox(folder: Path) -> Path:
    """The archive (OCI layout), in `folder`, which is empty."""
    shutil.copy("/bin/busybox", folder)
    (folder / "Containerfile").write_text(CONTAINERFILE)
    archive = folder / "busybox.tar"
    with locked():
        buildah("build", "--quiet", "--tag", BUSYBOX, folder)
        buildah("push", "--quiet", BUSYBOX, f"oci-archive:{archive}:{BUSYBOX}")
    return archive
