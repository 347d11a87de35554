"""What changed in the API server's metrics (the text format of Prometheus) between two readings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from webhook import NAME

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
LATENCY = "apiserver_admission_webhook_admission_duration_seconds"
REQUESTS = "apiserver_request_total"
DURATION = "apiserver_request_duration_seconds"
WANTED = (LATENCY, REQUESTS, f"{DURATION}_sum", f"{DURATION}_count")

Samples = dict[tuple[str, str], float]


def parse(text: str) -> Samples:
    """Of a name and its labels as they stand."""
    return {(name, labels): float(value) for name, labels, value in SAMPLE.findall(text) if name.startswith(WANTED)}


@dataclass
class Change:
    before: Samples
    after: Samples

    def total(self, metric: str, **labels: str) -> float:
        """How much those grew, together, that carry all the labels."""
        return sum(grown for carried, grown in self.series(metric) if labels.items() <= carried.items())

    def series(self, metric: str) -> list[tuple[dict[str, str], float]]:
        return [
            (dict(LABEL.findall(labels)), value - self.before.get((name, labels), 0))
            for (name, labels), value in self.after.items()
            if name == metric
        ]

    def webhook_ms(self) -> dict[str, float]:
        """What the API server waited for the webhook: mean, median, and the 99th percentile; nothing where it asked
        none."""
        asked = self.total(f"{LATENCY}_count", name=NAME)
        if not asked:
            return {}
        mean = self.total(f"{LATENCY}_sum", name=NAME) / asked
        return {
            "webhook_mean_ms": 1000 * mean,
            "webhook_p50_ms": 1000 * quantile(self.buckets(), 0.5),
            "webhook_p99_ms": 1000 * quantile(self.buckets(), 0.99),
        }

    def buckets(self) -> list[tuple[float, float]]:
        """Upper bounds in seconds, rising, and how many were not above each."""
        counts: dict[float, float] = {}
        for labels, grown in self.series(f"{LATENCY}_bucket"):
            if labels["name"] == NAME:
                bound = float(labels["le"].replace("+Inf", "inf"))
                counts[bound] = counts.get(bound, 0) + grown
        return sorted(counts.items())

    def ledger_writes(self) -> dict[str, float]:
        """Writes of the ledger that were stored, those that met another version, and how long either took the API
        server; nothing where there were none."""
        ledger = {"resource": "reservationledgers", "verb": "PUT"}
        tried = self.total(f"{DURATION}_count", **ledger)
        if not tried:
            return {}
        return {
            "ledger_writes": self.total(REQUESTS, code="200", **ledger),
            "ledger_conflicts": self.total(REQUESTS, code="409", **ledger),
            "ledger_write_ms": 1000 * self.total(f"{DURATION}_sum", **ledger) / tried,
        }


def quantile(buckets: list[tuple[float, float]], share: float) -> float:
    """As Prometheus' histogram_quantile() has it: straight lines within a bucket, the last bound for what is above."""
    rank = share * buckets[-1][1]
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            return low if bound == float("inf") else low + (bound - low) * (rank - below) / (count - below)
        low, below = bound, count
    return low
