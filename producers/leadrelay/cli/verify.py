"""`leadrelay verify`."""

from __future__ import annotations

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, open_queue, show, who
from leadrelay.queue.mend import free
from leadrelay.queue.verify import recount, rewinds
from leadrelay.settings import Settings


@click.command()
@click.option("--accept-loss", is_flag=True, help="Record the loss as known: forget what the witness remembers.")
@click.option("--mend", is_flag=True, help="Let lanes go on that wait for an event that is gone.")
@json_option
def verify(*, accept_loss: bool, mend: bool, as_json: bool) -> None:
    """Recount every event and hold it against the books and the witness. Exit code 1 when they disagree."""
    queue = open_queue()
    result = recount(queue, None if as_json else _progress)
    findings = [*result.findings, *rewinds(queue, result.books)]
    freed = free(queue, result.gone, who()) if mend else 0
    if accept_loss:
        broker.witness_of(Settings.load()).forget()
    if as_json:
        counts = {"messages": result.messages, "freed_lanes": freed}
        show({"ledger": result.books.ledger(), **counts, "findings": findings})
    else:
        click.echo(f"{result.messages:,} messages read; accepted {result.books.accepted:,}")
        for finding in findings or ["balanced: every accepted event is delivered, waiting, dead or dropped"]:
            click.echo(finding)
        if mend:
            click.echo(f"{freed:,} lanes were let go on")
    raise click.exceptions.Exit(1 if findings else 0)


def _progress(count: int) -> None:
    if count % 100_000 == 0:
        click.echo(f"{count:,} …", err=True)
