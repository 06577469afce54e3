"""`leadrelay status`, `verify`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from leadrelay import broker
from leadrelay.cli import sending, spool
from leadrelay.cli.common import json_option, open_queue, show, span
from leadrelay.errors import BrokerUnavailable
from leadrelay.queue.books import read_books
from leadrelay.queue.hot import hot_lanes
from leadrelay.queue.verify import recount, rewinds
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from leadrelay.queue import Books


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say whether events flow, what waits, and whether the books balance."""
    settings = Settings.load()
    try:
        queue = open_queue()
        books = read_books(queue)
    except BrokerUnavailable:
        if as_json:
            show({"spool": spool.document(settings)})
        else:
            click.echo("\n".join(spool.lines(settings)))
        raise
    memory = queue.client.info("memory")
    hot = hot_lanes(queue)
    if as_json:
        more = {"hot_lanes": [asdict(lane) for lane in hot], "spool": spool.document(settings)}
        show(document(books, memory) | more)
        return
    for line in sending.lines(books.sending, books.now_ms):
        click.echo(line)
    click.echo(
        f"backlog    {books.backlog:,} events: {books.ready:,} ready, {books.scheduled:,} scheduled, "
        f"{books.held:,} held"
    )
    for lane in hot:
        click.echo(f"lane       {lane.lane} holds back {lane.held:,} of them; see `leadrelay doctor`")
    click.echo(f"lag        {span(books.lag_s)}")
    click.echo(f"in flight  {books.in_flight:,} with {books.workers} worker{'s' * (books.workers != 1)}")
    click.echo(f"dead       {books.dead:,}" + (f"   inbox {books.inbox:,}" if books.inbox else ""))
    click.echo(f"delivered  {books.delivered:,} of {books.accepted:,} accepted, {books.dropped:,} dropped")
    for line in spool.lines(settings):
        click.echo(line)
    click.echo(f"memory     {memory['used_memory'] / 1e6:,.0f} MB" + _of(memory["maxmemory"]))
    click.echo("books      balanced" if books.balanced else "books      NOT balanced: " + "; ".join(books.findings()))


def document(books: Books, memory: dict[str, Any]) -> dict[str, Any]:
    """Give `status --json`."""
    return {
        "ledger": books.ledger(),
        "sending": sending.document(books.sending),
        "lag_s": books.lag_s,
        "headroom_s": None,
        "workers": books.workers,
        "memory": {"used": memory["used_memory"], "max": memory["maxmemory"] or None},
    }


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


def _of(maximum: int) -> str:
    return f" of {maximum / 1e6:,.0f} MB" if maximum else ""


def _progress(count: int) -> None:
    if count % 100_000 == 0:
        click.echo(f"{count:,} …", err=True)
