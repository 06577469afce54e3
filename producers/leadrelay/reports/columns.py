"""What a report says of a tally: one table for the terminal, the page, the spreadsheet and JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.reports.report import Report
    from leadrelay.tally import Tally


@dataclass(frozen=True, slots=True)
class Column:
    """One figure.

    Args:
        name: In JSON and CSV.
        heading: For people.
        value: Reads it.
        text: Shows it to people.
    """

    name: str
    heading: str
    value: Callable[[Tally], Any]
    text: Callable[[Any], str] = "{:,}".format


def span(seconds: float | None) -> str:
    """Show a length of time for people."""
    if seconds is None:
        return "-"
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.1f} s"


def share(part: float, whole: float) -> str:
    """Show a part in percent; what is not all is never shown as 100, and what is something never as 0."""
    if not whole:
        return "-"
    percent = 100 * part / whole
    if 0 < percent < 0.05:  # noqa: PLR2004 - rounds to 0.0
        return "<0.1%"
    return ">99.9%" if 99.95 <= percent < 100 else f"{percent:.1f}%"  # noqa: PLR2004 - rounds to 100.0


def reasons(tally: Tally) -> str:
    """List the dead by reason, the most frequent first."""
    return ", ".join(f"{reason} {number:,}" for reason, number in tally.dead.most_common() if number)


COLUMNS: tuple[Column, ...] = (
    Column("accepted", "accepted", lambda tally: tally.accepted),
    Column("on_time", "on time", lambda tally: tally.on_time),
    Column("late", "late", lambda tally: tally.late),
    Column("late_median_s", "median late", lambda tally: tally.late_median_s, span),
    Column("late_max_s", "longest late", lambda tally: tally.late_max_ms / 1000 if tally.late else None, span),
    Column("dead", "dead", lambda tally: tally.dead_total),
    Column("waiting", "waiting", lambda tally: tally.waiting),
    Column("dropped", "dropped", lambda tally: tally.dropped),
    Column("retried", "retried", lambda tally: tally.retried),
    Column("possible_doubles", "doubles?", lambda tally: tally.doubles),
    Column("stale", "stale", lambda tally: tally.stale),
)


def figures(tally: Tally) -> dict[str, Any]:
    """Give every figure under its name, and the dead by reason."""
    return {column.name: column.value(tally) for column in COLUMNS} | {"dead_by_reason": dict(+tally.dead)}


def as_document(report: Report) -> dict[str, Any]:
    """Give the report for ``--json``; times are ISO 8601, UTC."""
    return {
        "since": report.period.since.isoformat(),
        "until": report.period.until.isoformat(),
        "made": report.made.isoformat(timespec="seconds"),
        "on_time_s": report.on_time_s,
        "kept_since": report.kept_since.isoformat(),
        "total": figures(report.total),
        "by": report.by,
        "groups": [{"name": name, **figures(tally)} for name, tally in report.groups],
        "bin_hours": report.bin_hours,
        "bins": [{"start": start.isoformat(), **figures(tally)} for start, tally in report.bins if tally.accepted],
        "doubles": [
            {
                "eid": double.eid,
                "title": double.title,
                "accepted": double.accepted.isoformat(timespec="seconds"),
                "delivered": double.delivered.isoformat(timespec="seconds"),
                "attempts": double.attempts,
                "because": list(double.because),
            }
            for double in report.doubles
        ],
    }


def as_csv(report: Report) -> str:
    """Give one row per group (or one for all) with a heading, times in seconds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([report.by or "period", *(column.name for column in COLUMNS), "dead_by_reason"])
    whole = f"{report.period.since:%Y-%m-%dT%H:%MZ}/{report.period.until:%Y-%m-%dT%H:%MZ}"
    for name, tally in report.groups if report.by else ((whole, report.total),):
        values = ["" if (value := column.value(tally)) is None else value for column in COLUMNS]
        writer.writerow([_cell(name), *values, reasons(tally)])
    return out.getvalue()


def _cell(text: str) -> str:
    """Keep a spreadsheet from reading a title as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
