"""What was measured, as tables for people."""

from __future__ import annotations

from typing import Any

from targets import Target

MIB = 2**20

Row = list[str]


def table(title: Row, rows: list[Row]) -> str:
    """The first column to the left, figures to the right."""
    widths = [max(len(row[i]) for row in [title, *rows]) for i in range(len(title))]
    lines = []
    for first, *others in [title, *rows]:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def figure(case: dict[str, Any], key: str, digits: int) -> str:
    return f"{case[key]:.{digits}f}" if key in case else "-"


CREATION = [
    ("pods/s", "rate", 0),
    ("of no webhook", "of_no_webhook", 2),
    ("p50 ms", "p50_ms", 1),
    ("p99 ms", "p99_ms", 1),
    ("refused", "refused", 0),
    ("failed", "failed", 0),
]
WEBHOOK = [
    ("mean ms", "webhook_mean_ms", 1),
    ("p50 ms", "webhook_p50_ms", 1),
    ("p99 ms", "webhook_p99_ms", 1),
    ("ledger writes", "ledger_writes", 0),
    ("conflicts", "ledger_conflicts", 0),
    ("pods/write", "pods_per_write", 1),
    ("ms/write", "ledger_write_ms", 1),
]
CPU = [("kube-apiserver", "kube-apiserver", 0), ("etcd", "etcd", 0), ("replicas", "replicas", 0)]


def creation(measured: dict[str, Any]) -> str:
    cases = measured["cases"]
    asked = [case for case in cases if "webhook_mean_ms" in case]
    rounds = len(cases[0]["rounds"])
    head = f"pods created by {measured['connections']} clients, each counted (medians of {rounds} rounds of "
    head += f"{measured['seconds']:.0f} s; refused and failed: of all)"
    cpu = [{"case": case["case"], **case["cpu_us_per_pod"]} for case in cases]
    tables = [columns("", CREATION, cases), columns("API server waits", WEBHOOK, asked), columns("CPU us/pod", CPU, cpu)]
    return head + "\n" + "\n\n".join(tables)


def columns(corner: str, wanted: list[tuple[str, str, int]], cases: list[dict[str, Any]]) -> str:
    rows = [[case["case"], *(figure(case, key, digits) for _, key, digits in wanted)] for case in cases]
    return table([corner, *(name for name, _, _ in wanted)], rows)


def mib(number: float) -> str:
    return f"{number / MIB:.1f}"


def scale(measured: dict[str, Any]) -> str:
    starts = [
        [name, f"{one['ready_seconds']:.2f}", mib(one["ready_bytes"]), mib(one["idle_bytes"]), mib(one["peak_bytes"])]
        for name, one in measured["starts"].items()
    ]
    decisions = [
        [name, *(figure(one, key, digits) for _, key, digits in DECISION)] for name, one in measured["decisions"].items()
    ]
    status = measured["status"]
    return "\n".join(
        [
            table(["one replica, started among", "ready s", "MiB then", "MiB after 5 s", "MiB at most"], starts),
            f"  {measured['bytes_per_pod']:.0f} bytes for each pod; "
            f"the API server gives out the list of pods in {measured['list_seconds']:.2f} s",
            "",
            table(["reviews", *(name for name, _, _ in DECISION)], decisions),
            "",
            f"regionfit status: {status['seconds']:.2f} s, {mib(status['peak_bytes'])} MiB at most",
        ]
    )


DECISION = [
    ("decision p50 us", "us_p50", 0),
    ("p99 us", "us_p99", 0),
    ("answered/s", "answers_per_second", 0),
    ("answer p50 ms", "p50_ms", 2),
    ("p99 ms", "p99_ms", 2),
]


REQUESTS = [
    ("requests/s", "rate", 0),
    ("least", "rate_least", 0),
    ("most", "rate_most", 0),
    ("of floor", "of_floor", 2),
    ("by CPU", "of_floor_by_cpu", 2),
    ("of Rust", "of_rust", 2),
    ("of Go", "of_go", 1),
    ("p50 ms", "p50_ms", 2),
    ("p99 ms", "p99_ms", 2),
    ("CPU us", "cpu_us", 1),
    ("client's", "client_cpu_us", 1),
]


def requests(case: dict[str, Any]) -> str:
    """Of one case. What other programs used of the CPUs tells how far the figures can be trusted."""
    servers = case["servers"]
    wanted = [*REQUESTS, ("resumes", "resumes", 0)] if case["new_connection_each"] else REQUESTS
    rows = [
        [one["server"], *(figure(one, key, digits) for _, key, digits in wanted), mib(one["resident_bytes"])]
        for one in servers
    ]
    others = max(one["others_cpu"] for server in servers for one in server["rounds"])
    number = len(servers[0]["rounds"])
    head = f"{case['case']} (medians of {number} round{'s' if number > 1 else ''}"
    head += f"; other programs used {others:.2f} CPUs at most)"
    return head + "\n" + table(["", *(name for name, _, _ in wanted), "MiB"], rows)


def endurance(measured: dict[str, Any]) -> str:
    rows = [[str(one["requests"]), mib(one["resident_bytes"])] for one in measured["samples"]]
    head = f"{measured['case']} ({mib(measured['peak_bytes'])} MiB at most under load"
    head += f", {mib(measured['reading_bytes'])} MiB while the policies were read)"
    return head + "\n" + table(["requests", "MiB"], rows)


def targets(checked: list[Target]) -> str:
    rows = [[one.what, one.wanted, f"{one.measured:.2f}", "" if one.reached else "missed"] for one in checked]
    return table(["targets", "wanted", "measured", ""], rows)
