"""Whether memory stays as it is: a million reviews of pods that come and go, with 1,000 policies and the ledger in
memory, in a pool that a few of them would fill if what they held did not come back.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import answers
import wrk
from bodies import BODIES, REVIEWS, encode
from cases import BODY, CONNECTIONS, Setup, policy
from contenders import Regionfit, running
from procfs import forget_peak, resident

TITLE = "pods that come and go, 1000 policies"
SETUP = Setup(TITLE, policies=1000, gpus=4 * CONNECTIONS)
REQUESTS = 1_000_000
SECONDS = 5  # between two looks at the memory; none of the pods is left then


def deletion() -> dict[str, Any]:
    """The last review of the pod that the creation was for, placed, and never bound to a node."""
    review = json.loads((REVIEWS / "delete-final.json").read_text())
    pod = json.loads(BODIES[BODY])["request"]["object"]
    (unit,) = policy("chosen", "any")["spec"]["units"]
    pod["metadata"]["labels"].update(unit["podLabels"])
    pod["metadata"]["annotations"] = {"regionfit.io/reservation": wrk.ID}
    for key in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        pod["metadata"][key] = review["request"]["oldObject"]["metadata"][key]
    review["request"]["oldObject"] = pod
    return review


def run(make: Callable[[Setup], Regionfit], folder: Path, number: int, seconds: int = SECONDS) -> dict[str, Any]:
    """Of `number` requests or some more, in runs of so many seconds; the first look is before any of them. Reading the
    policies takes more memory than having them: its peak is told apart from that of the load.
    """
    creation, last = folder / "creation", folder / "deletion"
    creation.write_bytes(BODIES[BODY])
    last.write_bytes(encode(deletion()))
    server = make(SETUP)
    done = 0
    with running(server):
        samples = [sample(server, done)]
        reading = resident(server.pid)["VmHWM"]
        forget_peak(server.pid)
        while done < number:
            done += send(server, creation, last, seconds)
            samples.append(sample(server, done))
            print(f"{TITLE}: {done} requests", file=sys.stderr)
        peak = resident(server.pid)["VmHWM"]
        return {"case": TITLE, "samples": samples, "peak_bytes": peak, "reading_bytes": reading}


def sample(server: Regionfit, done: int) -> dict[str, int]:
    return {"requests": done, "resident_bytes": resident(server.pid)["VmRSS"]}


def send(server: Regionfit, creation: Path, last: Path, seconds: int) -> int:
    result = wrk.come_and_go(f"https://127.0.0.1:{server.port}{answers.PATH}", creation, last, CONNECTIONS, seconds)
    if result.refused or result.failed or not result.requests:
        raise answers.WrongAnswerError(f"{TITLE}: {result.refused} refused, {result.failed} failed: {result.failure}")
    return result.requests
