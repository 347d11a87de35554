"""Many clients that create pods at once, as a burst of workloads does.

What a client does about an answer is what a controller would: a refusal is final, anything else is tried again under
the same name, so that a pod whose creation was not answered is found, and never made twice.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from api import PODS, Api, UnknownOutcomeError
from objects import Object, region_of

DENIED = 'admission webhook "placement.regionfit.io" denied the request'
PAUSE = 0.2  # seconds, before another try


@dataclass
class Outcome:
    """Placed in `region` ("" where the pod names none), or refused with `message`."""

    name: str
    placed: bool
    region: str = ""
    message: str = ""
    tries: int = 1


@dataclass
class Outcomes:
    """All that came of it; `troubles` are the answers that were neither."""

    outcomes: list[Outcome] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def placed(self, region: str) -> list[str]:
        return [one.name for one in self.outcomes if one.placed and one.region == region]

    def refused(self) -> list[str]:
        return [one.name for one in self.outcomes if not one.placed]


class Crowd:
    """`clients` threads; `progress` is called with the number of pods that have an outcome, after each."""

    def __init__(self, api: Api, clients: int = 64, timeout: float = 60) -> None:
        self.api = api
        self.clients = clients
        self.timeout = timeout
        self.lock = threading.Lock()

    def create(self, pods: Iterable[Object], progress: Callable[[int], None] = lambda _: None) -> Outcomes:
        """Returns once each of the pods, which have names, is placed or refused."""
        waiting: queue.SimpleQueue[Object] = queue.SimpleQueue()
        for pod in pods:
            waiting.put(pod)
        found = Outcomes()
        failures: list[BaseException] = []
        threads = [
            threading.Thread(target=self.work, args=(waiting, found, failures, progress)) for _ in range(self.clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return found

    def work(
        self,
        waiting: queue.SimpleQueue[Object],
        found: Outcomes,
        failures: list[BaseException],
        progress: Callable[[int], None],
    ) -> None:
        try:
            while True:
                outcome = self.create_one(waiting.get_nowait(), found)
                with self.lock:
                    found.outcomes.append(outcome)
                    number = len(found.outcomes)
                progress(number)
        except queue.Empty:
            pass
        except BaseException as error:  # what ends a thread must not be lost
            failures.append(error)
        finally:
            self.api.forget()

    def create_one(self, pod: Object, found: Outcomes) -> Outcome:
        name = pod["metadata"]["name"]
        deadline = time.monotonic() + self.timeout
        tries = 0
        while time.monotonic() < deadline:
            tries += 1
            try:
                outcome = self.try_once(pod)
            except UnknownOutcomeError as error:
                found.troubles.append(str(error))
            else:
                if isinstance(outcome, Outcome):
                    outcome.tries = tries
                    return outcome
                found.troubles.append(outcome)
            time.sleep(PAUSE)
        raise TimeoutError(f"{name} had no outcome in {self.timeout:.0f} s; last: {found.troubles[-1]}")

    def try_once(self, pod: Object) -> Outcome | str:
        """What came of it, or why that is to be tried again."""
        name = pod["metadata"]["name"]
        status, answer = self.api.send("POST", PODS, pod)
        if status == 409 and answer.get("reason") == "AlreadyExists":  # an earlier try had done its work
            status, answer = self.api.send("GET", f"{PODS}/{name}")
        if status in (200, 201):
            return Outcome(name, True, region_of(answer))
        message = answer.get("message", "")
        if status == 403 and DENIED in message:
            return Outcome(name, False, message=message)
        return f"POST {name}: {status} {message}"
