"""Whether a server answers what it should: asked once beside each timed run, by a client that looks.

In the timed run itself wrk sees each status, and the number of all bytes, which tells if most answers were as long as
the one that was looked at.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jsonpatch

PATH = "/mutate?timeout=10s"
REGION = "alibabacloud.com/serverless-region-id"
VIRTUAL_NODE = {"key": "virtual-kubelet.io/provider", "operator": "Exists", "effect": "NoSchedule"}


class WrongAnswerError(Exception):
    """What was answered, and to whom."""


@dataclass
class Answer:
    status: int
    body: bytes
    size: int  # the headers included

    def response(self, request: dict[str, Any]) -> dict[str, Any]:
        response: dict[str, Any] = json.loads(self.body)["response"]
        if response["uid"] != request["uid"]:
            raise ValueError("the uid is another")
        return response


Judge = Callable[[Answer, dict[str, Any]], bool]


def connect(port: int, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)


def ask(port: int, context: ssl.SSLContext, body: bytes, close: bool) -> Answer:
    connection = connect(port, context)
    headers = {"Content-Type": "application/json", **({"Connection": "close"} if close else {})}
    try:
        connection.request("POST", PATH, body, headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    head = f"HTTP/1.1 {response.status} {response.reason}\r\n"
    fields = sum(len(f"{name}: {value}\r\n") for name, value in response.getheaders())
    return Answer(response.status, text, len(head) + fields + len("\r\n") + len(text))


def resumes(port: int, context: ssl.SSLContext) -> bool:
    """Whether a second connection goes on with the session of the first (RFC 8446, 2.2)."""
    first = connect(port, context)
    first.request("GET", "/readyz")
    first.getresponse().read()
    session = first.sock.session
    first.close()
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as second:
            return bool(second.session_reused)


def placed(answer: Answer, request: dict[str, Any]) -> bool:
    """The patch, applied by somebody else's RFC 6902, brings the unit's labels, node selector and toleration."""
    response = answer.response(request)
    if not response["allowed"] or response.get("patchType") != "JSONPatch":
        return False
    pod = jsonpatch.apply_patch(request["object"], json.loads(base64.b64decode(response["patch"], validate=True)))
    labels, spec = pod["metadata"]["labels"], pod["spec"]
    kept = request["object"]["metadata"]["labels"].items() <= labels.items()
    placed_at = labels.get(REGION) == "cn-beijing" and spec["nodeSelector"] == {"type": "virtual-kubelet"}
    return kept and placed_at and VIRTUAL_NODE in spec["tolerations"]


def let_through(answer: Answer, request: dict[str, Any]) -> bool:
    response = answer.response(request)
    return response["allowed"] and "patch" not in response


def denied(answer: Answer, request: dict[str, Any]) -> bool:
    response = answer.response(request)
    status = response.get("status", {})
    return not response["allowed"] and status["code"] == 403 and "remaining" in status["message"]


def constant(body: bytes) -> Judge:
    return lambda answer, _: answer.body == body


def check(name: str, judge: Judge, answer: Answer, body: bytes) -> None:
    try:
        good = answer.status == 200 and judge(answer, json.loads(body)["request"])
    except (ValueError, KeyError, TypeError, jsonpatch.JsonPatchException) as error:
        raise WrongAnswerError(f"{name} answered {answer.body[:500]!r}: {error}") from error
    if not good:
        raise WrongAnswerError(f"{name} answered {answer.status}: {answer.body[:500]!r}")
