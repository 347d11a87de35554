"""What etcd has stored of pods and RegionQuotas, revision by revision, read from etcd itself (its JSON gateway).

So it is whole whatever becomes of the API server: a watch of the API server's cannot be resumed across its restart
where something has changed in between.
"""

from __future__ import annotations

import base64
import http.client
import json
import threading
from dataclasses import dataclass
from typing import Any

from process import wait_until

PODS, QUOTAS = b"/registry/pods/", b"/registry/regionfit.io/regionquotas/"
RANGE_END = b"/registry/regionfit.io/regionquotas0"  # one range that has both, and little else
MARKER = b"/registry/regionfit-checker"  # in that range, and of no API


class HistoryLostError(Exception):
    """etcd has dropped revisions that were not read yet."""


@dataclass(frozen=True)
class Change:
    revision: int
    key: bytes
    value: bytes | None  # None: deleted


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def changes(events: list[dict[str, Any]]) -> list[Change]:
    found = []
    for event in events:
        kv = event["kv"]
        gone = event.get("type") == "DELETE"
        value = None if gone else base64.b64decode(kv.get("value", ""))
        found.append(Change(int(kv["mod_revision"]), base64.b64decode(kv["key"]), value))
    return found


class History:
    """`first` is what was stored at the start; `changes` what came after, oldest first."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.first: list[Change] = []
        self.changes: list[Change] = []
        self.failure = ""
        self.marks = 0
        self.stopped = False
        self.thread = threading.Thread(target=self.follow, daemon=True)

    def start(self) -> None:
        answer = self.ask("/v3/kv/range", {"key": encode(PODS), "range_end": encode(RANGE_END)})
        self.revision = int(answer["header"]["revision"])
        self.first = changes([{"kv": kv} for kv in answer.get("kvs", [])])
        self.thread.start()

    def stop(self) -> None:
        """Ends the thread with the next change, which is a mark of our own."""
        self.stopped = True
        self.mark()
        self.thread.join(10)

    def catch_up(self) -> None:
        """Returns once all that was stored before the call has been read."""
        mark = self.mark()
        wait_until("the history is read", lambda: self.failure or self.has(mark), timeout=60, pause=0.02)
        if self.failure:
            raise HistoryLostError(self.failure)

    def mark(self) -> bytes:
        self.marks += 1
        value = f"{id(self)}.{self.marks}".encode()
        self.ask("/v3/kv/put", {"key": encode(MARKER), "value": encode(value)})
        return value

    def has(self, mark: bytes) -> bool:
        return any(change.value == mark for change in reversed(self.changes[-1000:]))

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("POST", path, json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def follow(self) -> None:
        """Watches, and where the watch breaks off goes on behind the last revision."""
        while not self.stopped and not self.failure:
            try:
                self.watch()
            except (OSError, http.client.HTTPException):
                continue

    def watch(self) -> None:
        request = {"key": encode(PODS), "range_end": encode(RANGE_END), "start_revision": self.revision + 1}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            connection.request("POST", "/v3/watch", json.dumps({"create_request": request}))
            response = connection.getresponse()
            while not self.stopped and (line := response.readline()):
                self.take(json.loads(line).get("result", {}))
        finally:
            connection.close()

    def take(self, result: dict[str, Any]) -> None:
        if result.get("canceled"):
            self.failure = f"etcd has dropped what follows revision {self.revision}: {result}"
            return
        new = changes(result.get("events", []))
        if new:
            self.revision = new[-1].revision
            self.changes += new
