"""What changes on disk takes effect while requests go on, and what is broken on disk does not."""

from __future__ import annotations

import json
import os
import re
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from binary import run
from conftest import Serve
from load import Load
from objects import BEIJING, HANGZHOU, Object, creation, pod, policy, pool, quota, unit
from server import Server, wait_until, write_manifests

AT_ONCE = 1.0  # seconds, as the issue promises

# Certificates


class Authority:
    """A folder in which `regionfit certs` makes one certificate after the other, all of one CA."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        done = run("certs", "create", folder, "--san", "127.0.0.1")
        assert done.returncode == 0, done.stderr
        self.ca = (folder / "ca-bundle.crt").read_text()

    def renew(self) -> None:
        done = run("certs", "renew", self.folder, "--force")
        assert done.returncode == 0, done.stderr

    def read(self) -> tuple[bytes, bytes]:
        return (self.folder / "tls.crt").read_bytes(), (self.folder / "tls.key").read_bytes()

    def serial(self) -> int:
        return x509.load_pem_x509_certificate(self.read()[0]).serial_number


def replace(path: Path, content: bytes) -> None:
    """By rename, as most tools do."""
    hidden = path.with_name(f".{path.name}.new")
    hidden.write_bytes(content)
    hidden.rename(path)


def replace_key_first(folder: Path, chain: bytes, key: bytes) -> None:
    replace(folder / "tls.key", key)
    time.sleep(0.05)  # for as long, the pair does not match
    replace(folder / "tls.crt", chain)


def write_over(folder: Path, chain: bytes, key: bytes) -> None:
    (folder / "tls.crt").write_bytes(chain)
    (folder / "tls.key").write_bytes(key)


def swap_link(folder: Path, chain: bytes, key: bytes) -> None:
    """As the kubelet does with the volume of a Secret: the files are links through ..data, which is replaced."""
    version = folder / f"..{time.monotonic_ns()}"
    version.mkdir()
    (version / "tls.crt").write_bytes(chain)
    (version / "tls.key").write_bytes(key)
    (folder / "..data.new").symlink_to(version.name)
    (folder / "..data.new").rename(folder / "..data")
    for name in ("tls.crt", "tls.key"):
        if not (folder / name).exists():
            (folder / name).symlink_to(f"..data/{name}")


Put = Callable[[Path, bytes, bytes], None]


def served_serial(server: Server) -> int:
    with server.open_tls() as connection:
        shown = connection.getpeercert(binary_form=True)
    assert shown
    return x509.load_der_x509_certificate(shown).serial_number


def start_with_files(serve: Serve, tmp_path: Path, put: Put) -> tuple[Server, Authority, Path]:
    authority = Authority(tmp_path / "authority")
    files = tmp_path / "files"
    files.mkdir()
    put(files, *authority.read())
    options = ["--tls-cert", str(files / "tls.crt"), "--tls-key", str(files / "tls.key")]
    return serve(*options, objects=pool(10**6), ca=authority.ca), authority, files


@pytest.mark.parametrize(
    "put",
    [
        pytest.param(replace_key_first, id="renamed into place, the key first"),
        pytest.param(write_over, id="written over"),
        pytest.param(swap_link, id="swapped as the kubelet does"),
    ],
)
def test_ten_new_certificates_are_served_and_no_request_fails(serve: Serve, tmp_path: Path, put: Put) -> None:
    server, authority, files = start_with_files(serve, tmp_path, put)
    assert served_serial(server) == authority.serial()
    with Load(server, 6, requests_per_connection=3) as load, Load(server, 2) as lasting:
        for _ in range(10):
            authority.renew()
            put(files, *authority.read())
            wait_until("it is served", lambda: served_serial(server) == authority.serial(), timeout=5)
    assert load.failures == [] and lasting.failures == []
    assert load.refused == lasting.refused == 0
    assert server.log().count("a new certificate is in force") == 10


def test_the_folder_of_certs_may_be_served_from(serve: Serve, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    options = ["--tls-cert", str(authority.folder / "tls.crt"), "--tls-key", str(authority.folder / "tls.key")]
    server = serve(*options, objects=pool(10**6), ca=authority.ca)
    with Load(server, 4, requests_per_connection=1) as load:
        for _ in range(3):
            authority.renew()
            wait_until("it is served", lambda: served_serial(server) == authority.serial(), timeout=5)
    assert load.failures == [] and load.refused == 0


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder, _chain, key: replace(folder / "tls.key", key), id="the key of another"),
        pytest.param(lambda folder, chain, _key: replace(folder / "tls.crt", chain), id="the certificate of another"),
        pytest.param(lambda folder, _chain, _key: replace(folder / "tls.crt", b""), id="an empty certificate"),
        pytest.param(lambda folder, _chain, _key: replace(folder / "tls.key", b"no key\n"), id="a key that is none"),
        pytest.param(lambda folder, chain, _key: replace(folder / "tls.crt", chain[:-100]), id="half a certificate"),
        pytest.param(lambda folder, _chain, _key: (folder / "tls.key").unlink(), id="no key at all"),
    ],
)
def test_a_pair_that_does_not_match_keeps_the_old_one(serve: Serve, tmp_path: Path, spoil: Put) -> None:
    server, authority, files = start_with_files(serve, tmp_path, write_over)
    first = authority.serial()
    authority.renew()
    spoil(files, *authority.read())
    server.wait_for_log("level=error msg=.*was not replaced; the former one stays in force")
    assert served_serial(server) == first

    replace_key_first(files, *authority.read())
    wait_until("it is served", lambda: served_serial(server) == authority.serial(), timeout=5)


def test_a_certificate_of_its_own_is_renewed_on_disk(serve: Serve) -> None:
    server = serve(objects=pool(1))
    first = served_serial(server)
    assert run("certs", "renew", server.state / "certs", "--force").returncode == 0
    wait_until("it is served", lambda: served_serial(server) != first, timeout=5)


def test_a_certificate_of_its_own_outlives_the_process(serve: Serve) -> None:
    server = serve(objects=pool(1))
    first, ca = served_serial(server), server.ca
    server.stop()
    server.start()
    assert (served_serial(server), server.ca) == (first, ca)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1], ids=["TLS 1.0", "TLS 1.1"])
def test_old_versions_of_tls_are_refused(serve: Serve, version: ssl.TLSVersion) -> None:
    server = serve(objects=pool(1))
    server.context.minimum_version = ssl.TLSVersion.TLSv1
    server.context.maximum_version = version
    server.context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(OSError):
        server.open_tls()


# Manifests


def remaining(server: Server) -> int | None:
    """None where no policy selects the pod, or no quota bounds it."""
    response = server.send(creation(pod(gpus=1_000_000), dryRun=True))
    return None if response["allowed"] else int(re.search(r"(\d+) of \d+ rem", response["status"]["message"])[1])


def takes_effect(server: Server, expected: int | None) -> None:
    started = time.monotonic()
    wait_until(f"{expected} remaining", lambda: remaining(server) == expected)
    assert time.monotonic() - started < AT_ONCE


def text_of(*objects: Object) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def test_manifests_take_effect_however_they_are_changed(serve: Serve) -> None:
    server = serve(objects=pool(1))
    folder = server.manifests
    takes_effect(server, 1)
    write_manifests(folder, *pool(2))
    takes_effect(server, 2)
    (folder / "objects.json").write_text(text_of(*pool(3)))
    takes_effect(server, 3)
    write_manifests(folder, quota(BEIJING, others=7), quota(BEIJING, GU8TF=4), name="more.json")
    takes_effect(server, 7)
    (folder / "more.json").rename(folder / "more.txt")
    takes_effect(server, 3)
    (folder / "more.txt").rename(folder / "more.yaml")
    takes_effect(server, 7)
    os.utime(folder / "more.yaml")
    takes_effect(server, 7)
    (folder / "more.yaml").unlink()
    takes_effect(server, 3)
    (folder / "objects.json").unlink()
    takes_effect(server, None)
    write_manifests(folder, *pool(5))
    takes_effect(server, 5)


def test_the_volume_of_a_config_map_takes_effect(serve: Serve) -> None:
    server = serve()
    for gpus in (1, 2, 3):
        version = server.manifests / f"..{gpus}"
        version.mkdir()
        (version / "objects.yaml").write_text(text_of(*pool(gpus)))
        (server.manifests / "..data.new").symlink_to(version.name)
        (server.manifests / "..data.new").rename(server.manifests / "..data")
        if gpus == 1:
            (server.manifests / "objects.yaml").symlink_to("..data/objects.yaml")
        takes_effect(server, gpus)


def test_a_folder_that_is_replaced_as_a_whole_takes_effect(serve: Serve) -> None:
    server = serve(objects=pool(1))
    write_manifests(server.folder / "next", *pool(2))
    server.manifests.rename(server.folder / "former")
    (server.folder / "next").rename(server.manifests)
    server.signal(1)  # SIGHUP: a folder that is gone can no longer be watched
    takes_effect(server, 2)
    write_manifests(server.manifests, *pool(3))
    takes_effect(server, 3)


def test_what_was_promised_counts_under_new_policies_too(serve: Serve) -> None:
    server = serve(objects=pool(3))
    assert server.create(pod(gpus=2))
    write_manifests(server.manifests, *pool(4))
    takes_effect(server, 2)
    write_manifests(server.manifests, *pool(1))
    takes_effect(server, 0)
    write_manifests(server.manifests, policy(unit(HANGZHOU)), quota(HANGZHOU, GU8TF=9), quota(BEIJING, GU8TF=9))
    takes_effect(server, 9)
    write_manifests(server.manifests, *pool(9))
    takes_effect(server, 7)


def test_a_hundred_changes_under_load_are_swapped_in_one_step(serve: Serve) -> None:
    server = serve(objects=[policy(unit(BEIJING)), quota(BEIJING, GU8TF=10**6)])
    with Load(server, 8) as load:
        for i in range(100):
            region = (BEIJING, HANGZHOU)[i % 2]
            write_manifests(server.manifests, policy(unit(region)), quota(region, GU8TF=10**6))
            time.sleep(0.01)
    assert load.failures == []
    assert None not in load.answered


POLICY = """\
# a comment
apiVersion: scheduling.alibabacloud.com/v1alpha1
kind: ResourcePolicy
metadata: {name: fit}
spec:
  selector: {app: demo}
  strategy: required
  units:
  - resource: acs
    podLabels:
      alibabacloud.com/serverless-region-id: cn-beijing
      alibabacloud.com/gpu-model-series: GU8TF
    max: 1
"""


@pytest.mark.parametrize(
    "wrong, right, line, field",
    [
        pytest.param("max: -1", "max: 1", 13, "spec.units[0].max", id="a negative max"),
        pytest.param("max: many", "max: 1", 13, "spec.units[0].max", id="a max in words"),
        pytest.param("strategy: always", "strategy: required", 7, "spec.strategy", id="an unknown strategy"),
        pytest.param("- resource: gpu", "- resource: acs", 9, "spec.units[0].resource", id="an unknown resource"),
        pytest.param("selector: [app]", "selector: {app: demo}", 6, "spec.selector", id="a selector that is a list"),
        pytest.param("metadata: {nam: fit}", "metadata: {name: fit}", 4, "metadata.name", id="no name"),
        pytest.param("series: [GU8TF]", "series: GU8TF", 12, "podLabels", id="a label that is a list"),
        pytest.param("units: [", "units:", 9, "", id="what is no YAML"),
    ],
)
def test_a_malformed_file_keeps_its_last_good_version(
    serve: Serve, wrong: str, right: str, line: int, field: str
) -> None:
    server = serve(objects=[quota(BEIJING, GU8TF=3)])
    path = server.manifests / "policy.yaml"
    path.write_text(POLICY)
    takes_effect(server, 3)
    path.write_text(POLICY.replace(right, wrong))
    said = server.wait_for_log(r"level=error msg=(.*) file=(\S+) line=(\d+) field=(\S+)")

    assert Path(said[2]) == path
    assert int(said[3]) == line
    assert field in said[4]
    assert remaining(server) == 3
    write_manifests(server.manifests, quota(BEIJING, GU8TF=4))
    takes_effect(server, 4)
    path.write_text(POLICY.replace("required", "prefer"))
    takes_effect(server, None)


def test_one_malformed_file_does_not_keep_others_from_being_read(serve: Serve, tmp_path: Path) -> None:
    server = serve(objects=pool(3))
    server.stop()
    (server.manifests / "a.yaml").write_text(POLICY.replace("max: 1", "max: none"))
    (server.manifests / "z.yaml").write_text("{")
    (server.manifests / "notes.txt").write_text("{ not a manifest")
    server.start()
    assert remaining(server) == 3
    assert server.log().count("level=error") == 2
