"""A report as one self-contained page: no script, nothing loaded; it can be sent, kept and printed."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

from leadrelay.reports.columns import COLUMNS, share, span
from leadrelay.reports.plot import PARTS, plot
from leadrelay.reports.text import heading

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from leadrelay.reports.report import Report
    from leadrelay.tally import Tally

#: What every reader should know, whatever the figures are.
NOTES = (
    "Each event is counted in the hour (UTC) in which it was accepted, whenever it was delivered.",
    "Accepted = on time + late + waiting + dead + dropped.",
    "Dead letters could not be delivered and are kept with their reason, until an operator replays or drops them.",
    "A possible double was sent again, under the same event id, after an attempt with an unknown result.",
    "Results are unknown after a time-out, a cut connection, or the death of a worker: the event may have arrived.",
    "No user is in this report, and of an event only its title, in which addresses and long numbers are replaced.",
)


def as_page(report: Report, title: str = "Delivery report") -> str:
    """Render the page."""
    css = (files("leadrelay.reports") / "page.css").read_text("utf-8")
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p class=period>{escape(heading(report))}</p>",
        f"<p class=verdict>{escape(verdict(report))}</p>",
        _tiles(report.total, report.on_time_s),
        _figure(report),
        _reasons(report.total),
        _groups(report),
        _doubles(report),
        "<h2>How to read this</h2>",
        f"<ul>{''.join(f'<li>{escape(note)}</li>' for note in _notes(report))}</ul>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{css}</style></head><body><main>{''.join(parts)}</main></body></html>\n"
    )


def verdict(report: Report) -> str:
    """Say in one or two sentences what happened."""
    tally = report.total
    if not tally.accepted:
        return "No events were accepted in this time."
    said = f"{tally.delivered:,} of {tally.accepted:,} events ({share(tally.delivered, tally.accepted)}) were delivered"
    if tally.late:
        said += f", {tally.late:,} of them late (median {span(tally.late_median_s)}"
        said += f", longest {span(tally.late_max_ms / 1000)})"
    rest = ((tally.waiting, "still waiting"), (tally.dead_total, "dead"), (tally.dropped, "dropped"))
    left = [f"{number:,} {name}" for number, name in rest if number]
    return f"{said}. " + (f"Not delivered: {', '.join(left)}." if left else "None is waiting, dead or dropped.")


def _tiles(tally: Tally, on_time_s: float) -> str:
    limits = {"on-time": f"within {on_time_s:g} s", "late": f"after more than {on_time_s:g} s"}
    tiles = [_tile("", "accepted", tally.accepted, "")]
    for part in PARTS:
        number = part.value(tally)
        tiles.append(_tile(part.css, part.name, number, f"{share(number, tally.accepted)} {limits.get(part.css, '')}"))
    tiles.append(_tile("", "possible doubles", tally.doubles, f"{tally.retried:,} attempts made again"))
    return f"<dl class=tiles>{''.join(tiles)}</dl>"


def _tile(css: str, name: str, number: int, note: str) -> str:
    return f'<div class="tile {css}"><dt>{name}</dt><dd>{number:,}</dd><dd class=note>{escape(note)}</dd></div>'


def _figure(report: Report) -> str:
    unit = "hour" if report.bin_hours == 1 else "day"
    legend = "".join(f'<li class="{part.css}">{part.name}</li>' for part in PARTS)
    return (
        f"<h2>Events by {unit} of acceptance, UTC</h2><ul class=legend>{legend}</ul>"
        f"<figure class=wide>{plot(report, 960)}</figure><figure class=narrow>{plot(report, 400)}</figure>"
    )


def _reasons(tally: Tally) -> str:
    rows = [[reason, f"{number:,}"] for reason, number in tally.dead.most_common() if number]
    return _table("Dead letters by reason", ["reason", "events"], rows) if rows else ""


def _groups(report: Report) -> str:
    if not report.by:
        return ""
    head = [report.by, *(column.heading for column in COLUMNS)]
    rows = [[name, *(column.text(column.value(tally)) for column in COLUMNS)] for name, tally in report.groups]
    return _table(f"By {report.by}", head, rows)


def _doubles(report: Report) -> str:
    if not report.doubles:
        return ""
    rows = [
        [double.eid, double.title, f"{double.accepted:%Y-%m-%d %H:%M:%S}", f"{double.delivered:%Y-%m-%d %H:%M:%S}",
         str(double.attempts), ", ".join(double.because)]
        for double in report.doubles
    ]  # fmt: skip
    named = f"Possible doubles ({len(rows):,} of {report.total.doubles:,} are named here)"
    return _table(named, ["event id", "title", "accepted", "delivered", "attempts", "unknown results"], rows, text=True)


def _table(name: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, text: bool = False) -> str:
    cells = "".join(f"<th scope=col>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><th scope=row>{escape(row[0])}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    kind = " class=text" if text else ""
    return (
        f"<h2>{escape(name)}</h2><div class=scroll><table{kind}><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _notes(report: Report) -> list[str]:
    notes = list(NOTES)
    if report.total.doubles > len(report.doubles):
        notes.append(
            "Possible doubles are named by the history of the machine where this report was made; others are counted."
        )
    if report.incomplete:
        notes.append(f"Hours before {report.kept_since:%Y-%m-%d %H:%M} UTC are not kept any more.")
    return notes
