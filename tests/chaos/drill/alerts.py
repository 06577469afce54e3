"""From scrapes of the real exporter to what the rules in `ops/prometheus/rules.yml` make of them.

`promtool` has a clock of its own, and rules wait for minutes. So a span of the drill, say a second, stands for a
minute of Prometheus: what was scraped in the 7th second is the sample of the 7th minute. Where no scrape came there is
no sample. Values are as they were scraped: a lag of 20 s stays 20 s. So what is shown is that a state that lasts makes
the alert fire, not that limits on seconds fit.
"""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.ops.rules import RULES, promtool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ALERT = "LeadrelaySendingStopped"
#: Beyond what a test of promtool can write: an infinite headroom, for one.
_MOST = 1e12
_SEEN = re.compile(r'time: (\w+),\s+exp:.*?\s+got:.*?alertstate="(\w+)"', re.DOTALL)
_SPAN = re.compile(r"(\d+)([dhms])")
_MINUTES = {"d": 1440, "h": 60, "m": 1, "s": 0}


class Scraper(threading.Thread):
    """Scrapes an exporter as Prometheus does.

    Args:
        url: Of its metrics.
        every_s: Seconds between two scrapes.
    """

    def __init__(self, url: str, every_s: float) -> None:
        super().__init__(daemon=True)
        self.url, self.every_s = url, every_s
        self.began = time.monotonic()
        self.stopping = threading.Event()
        self.minutes: dict[int, Mapping[str, float]] = {}

    @property
    def minute(self) -> int:
        """The minute that it is now."""
        return int((time.monotonic() - self.began) / self.every_s)

    def run(self) -> None:
        """Scrape in the middle of each minute until `stop`; one that takes too long leaves a gap."""
        while not self.stopping.wait(self.every_s * (self.minute + 1.5) - (time.monotonic() - self.began)):
            minute = self.minute
            try:
                text = requests.get(self.url, timeout=10).text
            except requests.RequestException:
                continue
            self.minutes[minute] = series_of(text)

    def stop(self) -> None:
        """End it."""
        self.stopping.set()
        self.join()


def series_of(text: str) -> dict[str, float]:
    """Read a scrape: values by series, with the label that Prometheus adds."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in {**sample.labels, "instance": "a"}.items())
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def as_input(minutes: Mapping[int, Mapping[str, float]]) -> list[dict[str, str]]:
    """Give scrapes as the input of a test of promtool: a gap where there is none, stale where a series has ended."""
    found = []
    for name in sorted({name for scrape in minutes.values() for name in scrape}):
        values, seen = [], False
        for minute in range(max(minutes) + 1):
            value = minutes.get(minute, {}).get(name)
            seen = seen or value is not None
            gap = "stale" if seen and minute in minutes else "_"
            values.append(gap if value is None else f"{min(value, _MOST):f}")
        found.append({"series": name, "values": " ".join(values)})
    return found


def states(minutes: Mapping[int, Mapping[str, float]], folder: Path) -> list[str]:
    """Let promtool say for each minute how the alert stands: "", "pending" or "firing"."""
    last = max(minutes)
    asked = [{"expr": f'ALERTS{{alertname="{ALERT}"}}', "eval_time": f"{minute}m"} for minute in range(last + 1)]
    test = {"interval": "1m", "input_series": as_input(minutes), "promql_expr_test": asked}
    file = folder / "drill.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": [test]}))
    said = promtool("test", "rules", str(file))
    seen = seen_in(said.stdout + said.stderr)
    return [seen.get(minute, "") for minute in range(last + 1)]


def seen_in(said: str) -> dict[int, str]:
    """Read by minute what promtool got where it was told to expect nothing."""
    return {_minutes(span): state for span, state in _SEEN.findall(said)}


def told(of_minutes: Sequence[str]) -> str:
    """Say how an alert went: "pending from minute 7, firing from 37, resolved from 50"."""
    parts, before = [], ""
    for minute, state in enumerate(of_minutes):
        if state != before:
            parts.append(f"{state or 'resolved'} from minute {minute}")
        before = state
    return ", ".join(parts) or "never pending"


def _minutes(span: str) -> int:
    return sum(int(number) * _MINUTES[unit] for number, unit in _SPAN.findall(span))
