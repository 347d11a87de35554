"""A steady load of pods that are created and deleted, each by a client that keeps its connection.

Every creation counts: one that is refused, not answered, or let through without a place is a failure. Nothing is tried
again, so that nothing is overlooked.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from api import PODS, Api, UnknownOutcomeError
from objects import pod, region_of

CLIENTS = 4
PAUSE = 0.1  # seconds, of each client between two pods


class Load:
    """While it is entered, pods of `app` come and go. `placed` says whether they are to have a region."""

    def __init__(self, api: Api, app: str, placed: bool = True) -> None:
        self.api = api
        self.body = pod(app)
        self.placed = placed
        self.seconds: list[float] = []  # that each creation took
        self.failures: list[str] = []
        self.started = time.monotonic()
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.work) for _ in range(CLIENTS)]

    def __enter__(self) -> Load:
        self.started = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()
        duration = time.monotonic() - self.started
        slowest = max(self.seconds, default=0) * 1000
        print(f"{len(self.seconds)} pods in {duration:.0f} s, the slowest in {slowest:.0f} ms")
        print(f"{len(self.failures)} failures")

    def work(self) -> None:
        try:
            while not self.ended.wait(PAUSE):
                self.create_one()
        except BaseException as error:  # what ends a thread must not be lost
            self.failures.append(repr(error))
        finally:
            self.api.forget()

    def create_one(self) -> None:
        began = time.monotonic()
        try:
            status, answer = self.api.send("POST", PODS, self.body)
        except UnknownOutcomeError as error:
            self.failures.append(self.note(str(error)))
            return
        if status != 201:
            self.failures.append(self.note(f"{status} {answer.get('message')}"))
            return
        self.seconds.append(time.monotonic() - began)
        if self.placed and not region_of(answer):
            self.failures.append(self.note(f"{answer['metadata']['name']} has no place"))
        self.remove(answer)

    def remove(self, stored: dict[str, Any]) -> None:
        self.api.send("DELETE", f"{PODS}/{stored['metadata']['name']}?gracePeriodSeconds=0")

    def note(self, what: str) -> str:
        return f"after {time.monotonic() - self.started:.1f} s: {what}"

    def check(self) -> None:
        """That there was a load, and that it was carried."""
        assert not self.failures, "\n".join(self.failures[:20])
        assert len(self.seconds) > 20
