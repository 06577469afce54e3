"""`leadrelay audit`."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice

import click

from leadrelay.cli.common import json_option, moment, open_queue, show, terminal_width
from leadrelay.cli.table import table
from leadrelay.queue.audit import read_audit
from leadrelay.times import read_moment


@click.command()
@click.option("--since", metavar="TIME", help="Only since then: 2h, 3d, or a date.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@json_option
def audit(since: str | None, limit: int, *, as_json: bool) -> None:
    """Say who did what to how many events, the latest first."""
    queue = open_queue()
    try:
        since_ms = read_moment(since, queue.now_ms()) if since else 0
    except ValueError as error:
        raise click.UsageError(f"--since: {error}") from None
    acts = list(islice(read_audit(queue, since_ms), limit))
    if as_json:
        show([asdict(act) | {"at": moment(act.at_ms)} for act in acts])
        return
    rows = [(moment(act.at_ms), act.by, act.act, f"{act.number:,}", act.detail) for act in acts]
    headings = ("WHEN", "WHO", "ACT", "EVENTS", "DETAIL")
    for line in table(headings, rows, terminal_width(), cut=("DETAIL", "WHO")) if rows else ["nothing is recorded"]:
        click.echo(line)
