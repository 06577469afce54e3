"""A report for a terminal, wide or narrow."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

from leadrelay.reports.columns import COLUMNS, reasons, share, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadrelay.reports.report import Report
    from leadrelay.tally import Tally

#: Possible doubles that are listed.
MOST_DOUBLES = 10


def as_text(report: Report, width: int) -> str:
    """Render for a terminal of `width` characters; a table that does not fit becomes one block per group."""
    lines = [heading(report), "", *_summary(report.total, report.on_time_s)]
    table = _table(report) if report.groups else []
    if table:
        lines += ["", *(table if max(map(len, table)) <= width else _blocks(report))]
    lines += _doubles(report)
    if report.incomplete:
        lines += ["", f"Hours before {report.kept_since:%Y-%m-%d %H:%M} UTC are not kept any more."]
    return "\n".join(wrapped for line in lines for wrapped in _wrapped(line, width))


def _wrapped(line: str, width: int) -> list[str]:
    return wrap(line, width, subsequent_indent="    ", break_on_hyphens=False) or [""]


def heading(report: Report) -> str:
    """Say which events the report is about."""
    period = report.period
    hours = f"{period.since:%Y-%m-%d %H:%M} to {period.until:%Y-%m-%d %H:%M} UTC"
    return f"Events accepted {hours}, as of {report.made:%Y-%m-%d %H:%M:%S} UTC"


def _summary(tally: Tally, on_time_s: float) -> list[str]:
    late = f"median {span(tally.late_median_s)}, longest {span(tally.late_max_ms / 1000)}" if tally.late else ""
    rows = (
        ("accepted", tally.accepted, ""),
        ("on time", tally.on_time, f"delivered within {on_time_s:g} s"),
        ("late", tally.late, late),
        ("dead", tally.dead_total, reasons(tally)),
        ("waiting", tally.waiting, ""),
        ("dropped", tally.dropped, ""),
    )
    lines = [
        f"{name:16} {number:>12,}  {share(number, tally.accepted):>6}  {note}".rstrip() for name, number, note in rows
    ]
    lines.append(f"{'retried':16} {tally.retried:>12,}  attempts made again")
    lines.append(f"{'possible doubles':16} {tally.doubles:>12,}  sent again after an attempt with an unknown result")
    lines.append(f"{'stale':16} {tally.stale:>12,}  delivered after newer events of the same user")
    return lines


def _table(report: Report) -> list[str]:
    head = [report.by or "", *(column.heading for column in COLUMNS)]
    body = [[name, *(column.text(column.value(tally)) for column in COLUMNS)] for name, tally in report.groups]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    return [_row(row, widths) for row in (head, ["-" * width for width in widths], *body)]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if number == 0 else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def _blocks(report: Report) -> list[str]:
    lines = []
    for name, tally in report.groups:
        lines.append(name)
        for column in COLUMNS:
            value = column.value(tally)
            if value or column.name == "accepted":
                lines.append(f"  {column.heading:14} {column.text(value):>12}")
    return lines


def _doubles(report: Report) -> list[str]:
    if not report.doubles:
        return []
    shown = report.doubles[:MOST_DOUBLES]
    lines = ["", "possible doubles that the history of this home names:"]
    lines += [f"  {double.eid}  {double.accepted:%Y-%m-%d %H:%M:%S}  {', '.join(double.because)}" for double in shown]
    if len(report.doubles) > len(shown):
        lines.append(f"  and {len(report.doubles) - len(shown):,} more; --json and --html list them")
    return lines
