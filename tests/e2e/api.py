"""The API server as a program talks to it: HTTPS, a connection kept by each thread, JSON.

kubectl starts anew for each call, which is too slow for thousands of pods.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from typing import Any
from urllib.parse import urlencode, urlsplit

from cluster import Cluster

MERGE_PATCH = "application/merge-patch+json"
PODS = "/api/v1/namespaces/default/pods"


class ApiError(Exception):
    """The API server's answer where it refuses."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class UnknownOutcomeError(Exception):
    """There was no answer: the request may or may not have done its work."""


class Api:
    """Thread-safe."""

    def __init__(self, cluster: Cluster, token: str = "", timeout: float = 30) -> None:
        self.cluster = cluster
        self.token = token or cluster.token
        self.timeout = timeout
        self.local = threading.local()
        self.context = ssl.create_default_context(cafile=cluster.certificate)

    def connection(self) -> http.client.HTTPSConnection:
        if not getattr(self.local, "connection", None):
            address = urlsplit(self.cluster.url)
            assert address.hostname
            self.local.connection = http.client.HTTPSConnection(
                address.hostname, address.port, context=self.context, timeout=self.timeout
            )
        return self.local.connection

    def forget(self) -> None:
        """The next call of this thread makes a new connection."""
        connection, self.local.connection = getattr(self.local, "connection", None), None
        if connection:
            connection.close()

    def send(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> tuple[int, Any]:
        """The status and the decoded answer. Nothing is sent twice."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, "Accept": "application/json"}
        try:
            connection = self.connection()
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.forget()
            raise UnknownOutcomeError(f"{method} {path}: {error!r}") from error
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, {"message": text.decode(errors="replace")}

    def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The answer, where it is a success."""
        status, answer = self.send(method, path, body, content_type)
        if status >= 300:
            raise ApiError(status, answer.get("message", ""))
        return answer

    def get(self, path: str, **query: str) -> Any:
        """A connection may have been lost since the last call: reading again does no harm."""
        whole = f"{path}?{urlencode(query)}" if query else path
        try:
            return self.call("GET", whole)
        except UnknownOutcomeError:
            return self.call("GET", whole)

    def post(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body)

    def merge(self, path: str, body: Any) -> Any:
        return self.call("PATCH", path, body, MERGE_PATCH)

    def delete(self, path: str, **query: str) -> Any:
        return self.call("DELETE", f"{path}?{urlencode(query)}" if query else path)
