"""`./dev run`: starts the webhook on its embedded default, sends it real reviews, and shows what it answers.

The policies and quotas are those of charts/regionfit/examples; the reviews are such as a kube-apiserver sent. All of
it lives in a folder that is removed at the end; the server is stopped as a cluster would stop it, with SIGTERM.
"""

from __future__ import annotations

import base64
import copy
import http.client
import json
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
EXAMPLES = TOP / "charts" / "regionfit" / "examples" / "manifests"
REVIEWS = TOP / "tests" / "data" / "reviews"
WIDTH = min(shutil.get_terminal_size((100, 24)).columns, 110)


def style(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if sys.stdout.isatty() else text


def start(binary: str, state: str) -> tuple[subprocess.Popen[str], str, int]:
    command = [binary, "serve", "--manifests", str(EXAMPLES), "--state", state, "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = []
    for line in server.stderr:
        log.append(line)
        serving = re.search(r"msg=serving\b.*\baddress=([^ ]+):(\d+)", line)
        if serving:
            return server, serving.group(1), int(serving.group(2))
    sys.exit("the webhook did not start:\n" + "".join(log))


def connect(binary: str, state: str, host: str, port: int) -> http.client.HTTPSConnection:
    """A connection that trusts what a cluster would be told to trust: the caBundle."""
    show = [binary, "certs", "show", f"{state}/certs", "--ca-bundle"]
    bundle = subprocess.run(show, check=True, capture_output=True, text=True).stdout
    return http.client.HTTPSConnection(host, port, context=ssl.create_default_context(cadata=bundle), timeout=10)


def send(connection: http.client.HTTPSConnection, review: dict) -> dict:
    body = json.dumps(review)
    connection.request("POST", "/mutate?timeout=10s", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        sys.exit(f"the webhook answered {answer.status}: {text}")
    return json.loads(text)["response"]


def wrap(text: str, indent: str) -> str:
    parts = text.split("; ")
    return f";\n{indent}".join(parts)


def show(title: str, response: dict) -> list[dict]:
    audit = response.get("auditAnnotations", {})
    patch = json.loads(base64.b64decode(response["patch"])) if "patch" in response else []
    print(style("1", f"\u2500\u2500 {title} ".ljust(WIDTH, "\u2500")))
    if not response["allowed"]:
        print(style("31", "   refused  "), wrap(response["status"]["message"], " " * 13), sep=" ")
    elif "unit" in audit:
        where = f"{audit['region']}/{audit['model']}"
        print(style("32", "   placed   "), f"{where}  (unit {audit['unit']} of policy {audit['policy']})", sep=" ")
    else:
        print(style("33", "   let through"), f"{audit.get('reason', '')} {audit.get('region', '')}".rstrip())
    for warning in response.get("warnings", []):
        print(style("33", "   warning  "), wrap(warning, " " * 13), sep=" ")
    for operation in patch:
        value = json.dumps(operation["value"])
        print(f"   {operation['op']:8}", style("36", operation["path"].replace("~1", "/")), value)
    print()
    return patch


def review(name: str) -> dict:
    document = json.loads((REVIEWS / name).read_text())
    document["request"]["uid"] = str(uuid.uuid4())
    return document


def deletion(created: dict, patch: list[dict]) -> dict:
    """The last review of a pod's life: the one with which the API server removes it."""
    pod = copy.deepcopy(created["request"]["object"])
    for operation in patch:
        if operation["path"] == "/metadata/annotations":
            pod["metadata"]["annotations"] = operation["value"]
        elif operation["path"].startswith("/metadata/labels/"):
            pod["metadata"]["labels"][operation["path"].split("/")[-1].replace("~1", "/")] = operation["value"]
    pod["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z", deletionGracePeriodSeconds=0)
    document = review("delete-final.json")
    document["request"]["oldObject"] = pod
    return document


def tell(connection: http.client.HTTPSConnection) -> None:
    print("\nRegions hold 2 and 3 GPUs of series GU8TF. A Deployment of six replicas, one GPU each:\n")
    first: tuple[dict, list[dict]] | None = None
    for replica in range(1, 7):
        request = review("deployment-policy.json")
        patch = show(f"replica {replica}", send(connection, request))
        first = first or (request, patch)
    print("Both regions are full. The first replica is deleted, and the sixth tried again:\n")
    send(connection, deletion(*first))
    show("replica 6, again", send(connection, review("deployment-policy.json")))
    print("Other pods: one of eight GPUs, one that names its region itself, one that is only tried out:\n")
    show("a StatefulSet's pod of eight GPUs", send(connection, review("statefulset-eight-gpus.json")))
    show("a pod with a region of its own", send(connection, review("deployment-static-region.json")))
    show("kubectl create --dry-run=server", send(connection, review("server-dry-run.json")))


def main() -> int:
    binary = sys.argv[1]
    with tempfile.TemporaryDirectory(prefix="regionfit-") as state:
        server, host, port = start(binary, state)
        try:
            print(f"regionfit serves https://{host}:{port}/mutate with the policies in {EXAMPLES.relative_to(TOP)}")
            tell(connect(binary, state, host, port))
        finally:
            server.send_signal(signal.SIGTERM)
            status = server.wait(timeout=30)
    print(f"The webhook has stopped (exit {status}).")
    return status


if __name__ == "__main__":
    sys.exit(main())
