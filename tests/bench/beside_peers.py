#!/usr/bin/python3
"""Measures regionfit's answers over TLS beside a floor (floor.c) and two peers (peers/), one loaded by wrk at a time on
the same two CPUs as wrk. It reports; no figure is a failure, but a wrong answer is.

Each round measures every server of a case once, in an order that moves on from round to round. A server is started for
each measurement, so that each begins with an empty ledger; quotas have room for all requests of a run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "e2e"))

import answers
import endurance
import report
import targets
import wrk
from answers import WrongAnswerError
from bodies import BODIES
from cases import BODY, CASES, Case, Setup
from contenders import Certificate, Contender, Program, Regionfit, find_peer, running
from interruption import await_interruption
from process import NotReadyError
from procfs import busy_seconds, cpu_seconds, resident

CPUS = 2
SERVERS = FLOOR, GO, RUST, REGIONFIT = ("floor", "go", "rust", "regionfit")
LENGTH_TOLERANCE = 0.02  # requests under way at the end count for bytes alone

Figures = dict[str, Any]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What an answer of regionfit costs, beside a floor and two peers.")
    parser.add_argument("--regionfit", type=Path, required=True, help="the program to measure")
    parser.add_argument("--floor", type=Path, required=True, help="the program that is the floor")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement, after 1 s to warm up (default 3)")
    parser.add_argument("--quick", action="store_true", help="to try, not to measure: one round of 1 s, not warmed up")
    parser.add_argument("--case", action="append", default=[], metavar="TEXT", help="those with it in their names; repeatable")
    parser.add_argument("--only", action="append", choices=SERVERS, help="this server; repeatable")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    return parser.parse_args()


class Bench:
    """Runs the cases in `folder`, on the disk whose fsync(2) is to be measured."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        self.certificate = Certificate.create(options.regionfit, folder / "certs")
        self.others = list(self.make_others())

    def make_others(self) -> Iterator[Contender]:
        """Floor and peers; a peer that cannot be built is left out."""
        threads = str(len(os.sched_getaffinity(0)))
        constant = self.placement_answer()
        (self.folder / "answer").write_bytes(constant)
        if self.is_wanted(FLOOR):
            arguments = [threads, str(self.folder / "answer")]
            yield self.program(FLOOR, self.options.floor, arguments, answers.constant(constant))
        for kind, arguments in ((GO, []), (RUST, [threads])):
            peer = find_peer(kind) if self.is_wanted(kind) else None
            if peer:
                yield self.program(kind, peer, arguments, answers.placed)
            elif self.is_wanted(kind):
                print(f"the peer in {kind} is left out: it cannot be built here", file=sys.stderr)

    def program(self, name: str, program: Path, arguments: list[str], judge: answers.Judge) -> Contender:
        return Program(program, arguments, name, self.certificate, self.folder, judge)

    def is_wanted(self, name: str) -> bool:
        return not self.options.only or name in self.options.only

    def placement_answer(self) -> bytes:
        """What the floor is to answer: as long as what regionfit answers when it places a pod."""
        with running(self.regionfit(Setup("example"))) as server:
            return answers.ask(server.port, server.context, BODIES[BODY], close=False).body

    def regionfit(self, setup: Setup) -> Regionfit:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        return Regionfit(self.options.regionfit, setup, self.certificate, folder)

    def run(self, case: Case) -> dict[str, Any]:
        contenders = list(self.others)
        if self.is_wanted(REGIONFIT):
            contenders += [self.regionfit(setup) for setup in case.setups]
        measured: dict[str, list[Figures]] = {contender.name: [] for contender in contenders}
        for i in range(self.options.rounds):
            for contender in contenders[i % len(contenders) :] + contenders[: i % len(contenders)]:
                figures = self.measure(contender, case)
                measured[contender.name].append(figures)
                note = f"{case.title}, round {i + 1}, {contender.name}: {figures['rate']:.0f} requests/s"
                print(note, file=sys.stderr)
        return {
            "case": case.title,
            "body_bytes": len(BODIES[case.body]),
            "connections": case.connections,
            "new_connection_each": case.close,
            "servers": summarize(measured),
        }

    def endure(self) -> dict[str, Any]:
        if self.options.quick:
            return endurance.run(self.regionfit, self.folder, 1, seconds=1)
        return endurance.run(self.regionfit, self.folder, endurance.REQUESTS)

    def measure(self, contender: Contender, case: Case) -> Figures:
        body = self.folder / "body"
        body.write_bytes(BODIES[case.body])
        with running(contender):
            self.look(contender, case)
            url = f"https://127.0.0.1:{contender.port}{answers.PATH}"
            if not self.options.quick:
                wrk.repeat(url, body, case.connections, 1, case.close)
            before = spent(contender.pid)
            result = wrk.repeat(url, body, case.connections, self.options.seconds, case.close)
            after = spent(contender.pid)
            check_result(contender.name, result, self.look(contender, case))
            used = {key: after[key] - before[key] for key in after}
            resumed = answers.resumes(contender.port, contender.context)
            return {**figures_of(result, used, resident(contender.pid)), "resumes": float(resumed)}

    def look(self, contender: Contender, case: Case) -> answers.Answer:
        """One answer, looked at."""
        answer = answers.ask(contender.port, contender.context, BODIES[case.body], case.close)
        answers.check(contender.name, contender.judge, answer, BODIES[case.body])
        return answer


def spent(pid: int) -> Figures:
    """CPU seconds so far: of the server, of the clients that have ended, and of all that runs."""
    clients = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"server": cpu_seconds(pid), "clients": clients.ru_utime + clients.ru_stime, "all": busy_seconds()}


def check_result(name: str, result: wrk.Repeated, answer: answers.Answer) -> None:
    if result.refused or result.failed:
        raise WrongAnswerError(f"{name}: {result.refused} answers with an error, {result.failed} requests without one")
    expected = result.requests * answer.size
    if abs(result.bytes - expected) > LENGTH_TOLERANCE * expected + answer.size:
        raise WrongAnswerError(f"{name}: {result.bytes} bytes in {result.requests} answers, {expected} expected")


def figures_of(result: wrk.Repeated, used: Figures, memory: dict[str, int]) -> Figures:
    others = used["all"] - used["server"] - used["clients"]
    requests = max(result.requests, 1)
    return {
        "requests": result.requests,
        "rate": result.rate,
        "p50_ms": result.p50,
        "p99_ms": result.p99,
        "cpu_us": 1e6 * used["server"] / requests,
        "client_cpu_us": 1e6 * used["clients"] / requests,
        "resident_bytes": memory["VmRSS"],
        "peak_bytes": memory["VmHWM"],
        "others_cpu": max(others, 0) / result.seconds,
    }


def summarize(measured: dict[str, list[Figures]]) -> list[Figures]:
    """Medians of each server's rounds, its slowest and fastest, and how its medians stand to those of others."""
    medians = {name: medians_of(rounds) for name, rounds in measured.items()}
    servers = []
    for name, rounds in measured.items():
        rates = [one["rate"] for one in rounds]
        spread = {"rate_least": min(rates), "rate_most": max(rates)}
        servers.append({"server": name, **ratios(medians, name), **medians[name], **spread, "rounds": rounds})
    return servers


def medians_of(rounds: list[Figures]) -> Figures:
    return {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}


def ratios(medians: dict[str, Figures], name: str) -> Figures:
    """Of the rate; and of what the floor, and its client, need for a request: what the rate would be of the floor's if
    nothing but the CPUs were in the way, and nobody else used them."""
    bases = {"of_floor": FLOOR, "of_rust": RUST, "of_go": GO}
    found = {key: medians[name]["rate"] / medians[base]["rate"] for key, base in bases.items() if rate(medians, base)}
    if FLOOR in medians:
        found["of_floor_by_cpu"] = both_cpu(medians[FLOOR]) / both_cpu(medians[name])
    return found


def rate(medians: dict[str, Figures], name: str) -> float:
    return medians[name]["rate"] if name in medians else 0


def both_cpu(figures: Figures) -> float:
    return figures["cpu_us"] + figures["client_cpu_us"]


def pin() -> None:
    """To the first two CPUs, with all that is started from here."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CPUS])


def run(options: argparse.Namespace) -> None:
    results: Figures = {"cpus": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0]}
    results.update(rounds=options.rounds, seconds=options.seconds, cases=[])

    def tell(text: str) -> None:
        """Figures that are there stay there, whatever happens to the rest."""
        print(f"{text}\n", flush=True)
        if options.json:
            options.json.write_text(json.dumps(results, indent=2) + "\n")

    def is_wanted(name: str) -> bool:
        return any(text in name for text in options.case or [""])

    with tempfile.TemporaryDirectory(prefix="bench.", dir=options.floor.parent) as name:
        bench = Bench(options, Path(name))
        for case in [case.only(is_wanted) for case in CASES]:
            if case.setups:
                results["cases"].append(bench.run(case))
                tell(report.requests(results["cases"][-1]))
        if is_wanted(endurance.TITLE) and bench.is_wanted(REGIONFIT):
            results["endurance"] = bench.endure()
            tell(report.endurance(results["endurance"]))
    tell(report.targets(targets.check(results)))


def main() -> int:
    options = parse_options()
    options.regionfit, options.floor = options.regionfit.resolve(), options.floor.resolve()
    if options.quick:
        options.rounds = options.seconds = 1
    await_interruption()
    pin()
    try:
        run(options)
    except KeyboardInterrupt:
        return 130
    except (WrongAnswerError, wrk.LoadError, NotReadyError, OSError, CalledProcessError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
