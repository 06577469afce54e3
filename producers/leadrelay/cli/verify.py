"""`leadrelay verify`."""

from __future__ import annotations

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, open_queue, show
from leadrelay.queue.verify import recount, rewinds
from leadrelay.settings import Settings


@click.command()
@click.option("--accept-loss", is_flag=True, help="Record the loss as known: forget what the witness remembers.")
@json_option
def verify(*, accept_loss: bool, as_json: bool) -> None:
    """Recount every event and hold it against the books and the witness. Exit code 1 when they disagree."""
    queue = open_queue()
    result = recount(queue, None if as_json else _progress)
    findings = [*result.findings, *rewinds(queue, result.books)]
    if accept_loss:
        broker.witness_of(Settings.load()).forget()
    if as_json:
        show({"ledger": result.books.ledger(), "messages": result.messages, "findings": findings})
    else:
        click.echo(f"{result.messages:,} messages read; accepted {result.books.accepted:,}")
        for finding in findings or ["balanced: every accepted event is delivered, waiting, dead or dropped"]:
            click.echo(finding)
    raise click.exceptions.Exit(1 if findings else 0)


def _progress(count: int) -> None:
    if count % 100_000 == 0:
        click.echo(f"{count:,} …", err=True)
