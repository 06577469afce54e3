"""From what the broker holds to what the policy reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadrelay.queue.valve import read_breakers

from leadrelay_worker.flow.evidence import Row
from leadrelay_worker.flow.policy import Report

if TYPE_CHECKING:
    from leadrelay.queue.control import Watch


def report_of(watch: Watch) -> Report:
    """Read a report; the fields are those that ``lua/settle.lua`` lists."""
    counted = watch.counted
    rows, runs, hints = [], {}, {}
    for field, value in counted.items():
        kind, _, what = field.partition(" ")
        if kind == "n":
            scope, worker, outcome, reason = what.split(" ", 3)
            events = tuple(map(int, counted.get(f"e {what}", "").split()))
            rows.append(Row(scope, worker, outcome, reason, int(value), events))
        elif kind == "h":
            hints[what] = int(value) / 1000
        elif field.startswith("run:") and not field.startswith("run:@"):
            runs[field.removeprefix("run:")] = int(value)
    breakers = read_breakers(watch.valve)
    rate = watch.valve.get("rate")
    return Report(
        now_ms=watch.now_ms,
        rows=tuple(rows),
        runs=runs,
        hints=hints,
        workers=watch.workers,
        only=watch.only_scope,
        states={one.key: one.state for one in breakers if one.state != "draining"},
        rate=float(rate) if rate else None,
        paused="paused" in watch.valve,
    )
