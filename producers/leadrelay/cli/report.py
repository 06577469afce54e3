"""`leadrelay report`."""

from __future__ import annotations

import json
import re
import shutil
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from leadrelay.cli.common import json_option, open_queue
from leadrelay.history import Ended, HistoryFiles
from leadrelay.queue.hours import read_hours
from leadrelay.queue.message import Attempt
from leadrelay.reports.columns import as_csv, as_document
from leadrelay.reports.page import as_page
from leadrelay.reports.report import By, Double, Period, Report, build
from leadrelay.reports.text import as_text
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Possible doubles that are named, in the order of the history.
MOST_DOUBLES = 1000
_AGO = re.compile(r"(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@click.command()
@click.option(
    "--since", default="24h", show_default=True, help="Accepted from here on: 24h, 7d, or ISO, e.g. 2026-05-01T10:00."
)
@click.option("--until", default="now", show_default=True, help="Accepted before this; likewise.")
@click.option("--by", type=click.Choice(["title", "day", "dataset"]), help="A row for each.")
@click.option("--csv", "form", flag_value="csv", help="For spreadsheets.")
@click.option("--html", "form", flag_value="html", help="A page that can be sent, with a plot.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write there instead of to the terminal."
)
@json_option
def report(since: str, until: str, by: By | None, form: str | None, output: Path | None, *, as_json: bool) -> None:
    """Say what became of the events accepted in a time. Times are UTC, in whole hours."""
    if as_json and form:
        raise click.UsageError("choose one of --json, --csv and --html")
    made = datetime.now(UTC)
    found = _build(_period(since, until, made), made, by)
    text = _FORMS["json" if as_json else form or "text"](found)
    if output:
        output.write_text(text, "utf-8")
        click.echo(f"written: {output}")
    else:
        click.echo(text, nl=False)


def _text(report: Report) -> str:
    width = shutil.get_terminal_size((100, 40)).columns if sys.stdout.isatty() else 200
    return as_text(report, width) + "\n"


_FORMS: dict[str, Callable[[Report], str]] = {
    "text": _text,
    "csv": as_csv,
    "html": as_page,
    "json": lambda report: json.dumps(as_document(report), ensure_ascii=False) + "\n",
}


def _build(period: Period, made: datetime, by: By | None) -> Report:
    settings = Settings.load()
    hours = read_hours(open_queue(), period.hours.start, period.hours.stop)
    return build(
        hours.rows,
        period,
        made=made,
        on_time_s=hours.on_time_ms / 1000,
        kept_days=settings.report_days,
        by=by,
        doubles=list(islice(_doubles(HistoryFiles(settings.home), period), MOST_DOUBLES)),
    )


def _doubles(history: HistoryFiles, period: Period) -> Iterator[Double]:
    for ended in history.doubles(int(period.since.timestamp() * 1000), int(period.until.timestamp() * 1000)):
        yield Double(
            eid=ended.eid,
            title=ended.title,
            accepted=datetime.fromtimestamp((ended.at_ms - ended.latency_ms) / 1000, UTC),
            delivered=datetime.fromtimestamp(ended.at_ms / 1000, UTC),
            attempts=ended.attempts,
            because=_because(ended),
        )


def _because(ended: Ended) -> tuple[str, ...]:
    attempts = (Attempt.parse(entry) for entry in ended.history[:-1])
    names = {"worker": "worker died"}
    return tuple(names.get(attempt.reason, attempt.reason) for attempt in attempts if attempt and attempt.unknown)


def _period(since: str, until: str, now: datetime) -> Period:
    start, end = point(since, now, "--since"), point(until, now, "--until")
    if end <= start:
        raise click.UsageError("--until must be later than --since")
    return Period.covering(start, min(end, now + timedelta(hours=1)))


def point(text: str, now: datetime, option: str) -> datetime:
    """Read a point in time: `now`, an age such as 90m, 24h, 7d, 2w, or ISO 8601; UTC unless it says otherwise.

    Raises:
        click.UsageError: It is none of these.
    """
    if text == "now":
        return now
    ago = _AGO.fullmatch(text)
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"{option}: an age (24h, 7d) or a time (2026-05-01T10:00, UTC), not {text!r}") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
