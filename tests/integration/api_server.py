"""An API server that has what a test stored in it, answers lists and reads, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from objects import Object

PATHS = {
    "Pod": "/api/v1/pods",
    "Node": "/api/v1/nodes",
    "ResourcePolicy": "/apis/scheduling.alibabacloud.com/v1alpha1/resourcepolicies",
    "RegionQuota": "/apis/regionfit.io/v1alpha1/regionquotas",
    "ReservationLedger": "/apis/regionfit.io/v1alpha1/reservationledgers",
    "Lease": "/apis/coordination.k8s.io/v1/leases",
}


class ApiServer:
    """Serves plain HTTP on loopback; every kind is known unless it is in `unknown`."""

    def __init__(self, folder: Path, *objects: Object, unknown: tuple[str, ...] = (), forbidden: str = "") -> None:
        self.requests: list[str] = []
        self.objects: dict[str, list[Object]] = {path: [] for kind, path in PATHS.items() if kind not in unknown}
        self.forbidden = forbidden
        self.version = 1000
        for stored in objects:
            self.store(stored)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(self.configuration()))

    def store(self, stored: Object) -> None:
        self.version += 1
        metadata = {"uid": f"uid-{self.version}", "resourceVersion": str(self.version), **stored["metadata"]}
        self.objects[PATHS[stored["kind"]]].append({**stored, "metadata": metadata})

    def configuration(self, namespace: str = "default") -> Object:
        server = f"http://127.0.0.1:{self.http.server_port}"
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": server}}],
            "users": [{"name": "somebody", "user": {"token": "secret"}}],
            "contexts": [
                {"name": "here", "context": {"cluster": "test", "user": "somebody", "namespace": namespace}},
                {"name": "team", "context": {"cluster": "test", "user": "somebody", "namespace": "team"}},
            ],
            "current-context": "here",
        }

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def answer(self, target: str) -> tuple[int, Object]:
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        if self.forbidden and url.path.endswith(self.forbidden):
            return 403, status(403, "Forbidden", f"{self.forbidden} is forbidden")
        if url.path in self.objects:
            return 200, self.listing(self.objects[url.path], query)
        namespace, _, name = url.path.removeprefix("/apis/coordination.k8s.io/v1/namespaces/").partition("/leases/")
        for lease in self.objects[PATHS["Lease"]]:
            if (lease["metadata"]["namespace"], lease["metadata"]["name"]) == (namespace, name):
                return 200, lease
        return 404, status(404, "NotFound", "the server could not find the requested resource")

    def write(self, method: str, target: str, body: bytes) -> tuple[int, Object, list[str]]:
        """What is answered to a request that would change something, and the warnings beside it."""
        return 405, status(405, "No", "no writing"), []

    def listing(self, objects: list[Object], query: dict[str, str]) -> Object:
        """In pages of at most two, so that going on is tested as well."""
        found = [stored for stored in objects if matches(stored, query)]
        start = int(query.get("continue", "0"))
        end = start + min(2, int(query.get("limit", "2"))) if "limit" in query else len(found)
        metadata: dict[str, Any] = {"resourceVersion": str(self.version)}
        if end < len(found):
            metadata["continue"] = str(end)
        return {"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": found[start:end]}

    def handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                api.requests.append(f"{self.command} {self.path}")
                sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                warnings: list[str] = []
                if self.command == "GET":
                    code, body = api.answer(self.path)
                else:
                    code, body, warnings = api.write(self.command, self.path, sent)
                text = json.dumps(body).encode()
                self.send_response(code)
                self.send_header("Content-Type", "application/json")
                for warning in warnings:
                    self.send_header("Warning", f"299 - {json.dumps(warning)}")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler


def matches(stored: Object, query: dict[str, str]) -> bool:
    name = query.get("fieldSelector", "").removeprefix("metadata.name=")
    key, _, value = query.get("labelSelector", "").partition("=")
    labels = stored["metadata"].get("labels", {})
    return (not name or stored["metadata"]["name"] == name) and (not key or labels.get(key) == value)


def status(code: int, reason: str, message: str) -> Object:
    failure = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
    return {**failure, "code": code, "reason": reason, "message": message}
