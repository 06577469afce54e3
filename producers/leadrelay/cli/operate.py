"""`leadrelay status`, `verify`, `pause`, `resume`."""

from __future__ import annotations

import re
from typing import Any

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, moment, open_queue, show, span, who
from leadrelay.queue import Books, Queue, Valve
from leadrelay.queue.books import read_books
from leadrelay.queue.verify import recount, rewinds
from leadrelay.settings import Settings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say whether events flow, what waits, and whether the books balance."""
    queue = open_queue()
    books = read_books(queue)
    memory = queue.client.info("memory")
    if as_json:
        show(document(books, memory))
        return
    sending = books.sending
    click.echo(
        f"sending    {sending.state}{f' {sending.reason} since {moment(sending.since_ms)}' if sending.reason else ''}"
    )
    if sending.until_ms:
        click.echo(f"           until {moment(sending.until_ms)}")
    if sending.rate is not None:
        click.echo(f"rate       at most {sending.rate:g} events/s")
    click.echo(
        f"backlog    {books.backlog:,} events: {books.ready:,} ready, {books.scheduled:,} scheduled, "
        f"{books.held:,} held"
    )
    click.echo(f"lag        {span(books.lag_s)}")
    click.echo(f"in flight  {books.in_flight:,} with {books.workers} worker{'s' * (books.workers != 1)}")
    click.echo(f"dead       {books.dead:,}" + (f"   inbox {books.inbox:,}" if books.inbox else ""))
    click.echo(f"delivered  {books.delivered:,} of {books.accepted:,} accepted, {books.dropped:,} dropped")
    click.echo(f"memory     {memory['used_memory'] / 1e6:,.0f} MB" + _of(memory["maxmemory"]))
    click.echo("books      balanced" if books.balanced else "books      NOT balanced: " + "; ".join(books.findings()))


def document(books: Books, memory: dict[str, Any]) -> dict[str, Any]:
    """Give `status --json`."""
    sending = books.sending
    return {
        "ledger": books.ledger(),
        "sending": {"state": sending.state, "reason": sending.reason, "since": sending.since_ms, "rate": sending.rate},
        "lag_s": books.lag_s,
        "headroom_s": None,
        "workers": books.workers,
        "spool": None,
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


@click.command()
@click.argument("reason", default="")
@click.option("--for", "length", help="Ends by itself, e.g. 30m, 2h.")
def pause(reason: str, length: str | None) -> None:
    """Stop sending; events go on being accepted."""
    match = re.fullmatch(r"(\d+)([smhd])", length or "0s")
    if not match:
        raise click.UsageError("--for takes a number and s, m, h or d, e.g. 30m")
    for_s = int(match[1]) * _UNITS[match[2]]
    Valve(open_queue()).pause(who(), reason, for_s or None)
    click.echo("sending is paused" + (f" for {span(for_s)}" if for_s else "; `leadrelay resume` ends it"))


@click.command()
def resume() -> None:
    """End a pause."""
    queue: Queue = open_queue()
    Valve(queue).resume(who())
    click.echo(f"sending: {read_books(queue).sending.state}")


def _of(maximum: int) -> str:
    return f" of {maximum / 1e6:,.0f} MB" if maximum else ""


def _progress(count: int) -> None:
    if count % 100_000 == 0:
        click.echo(f"{count:,} …", err=True)
