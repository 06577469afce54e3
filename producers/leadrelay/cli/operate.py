"""`leadrelay status`, `verify`."""

from __future__ import annotations

import time
from dataclasses import asdict
from math import inf
from typing import TYPE_CHECKING, Any

import click

from leadrelay import broker
from leadrelay.cli import sending, spool
from leadrelay.cli.common import json_option, open_queue, say, show, span
from leadrelay.errors import BrokerUnavailable
from leadrelay.queue import room
from leadrelay.queue.books import read_books
from leadrelay.queue.hot import hot_lanes
from leadrelay.queue.verify import recount, rewinds
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from leadrelay.queue import Books


#: Seconds between the two looks that tell how the queue grows.
_APART_S = 0.25


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say whether events flow, what waits, and whether the books balance."""
    settings = Settings.load()
    try:
        queue = open_queue()
        before = read_books(queue)
    except BrokerUnavailable:
        if as_json:
            show({"spool": spool.document(settings)})
        else:
            say("\n".join(spool.lines(settings)))
        raise
    time.sleep(_APART_S)
    books = read_books(queue)
    memory = queue.client.info("memory")
    left_s = headroom_of(before, books, memory)
    hot = hot_lanes(queue)
    if as_json:
        more = {"hot_lanes": [asdict(lane) for lane in hot], "spool": spool.document(settings)}
        show(document(books, memory, headroom_s=left_s) | more)
        return
    for line in sending.lines(books.sending, books.now_ms):
        say(line)
    say(
        f"backlog    {books.backlog:,} events: {books.ready:,} ready, {books.scheduled:,} scheduled, "
        f"{books.held:,} held"
    )
    for lane in hot:
        say(f"lane       {lane.lane} holds back {lane.held:,} of them; see `leadrelay doctor`")
    say(f"lag        {span(books.lag_s)}")
    say(f"in flight  {books.in_flight:,} with {books.workers} worker{'s' * (books.workers != 1)}")
    say(f"dead       {books.dead:,}" + (f"   inbox {books.inbox:,}" if books.inbox else ""))
    say(f"delivered  {books.delivered:,} of {books.accepted:,} accepted, {books.dropped:,} dropped")
    for line in spool.lines(settings):
        say(line)
    say(f"memory     {memory['used_memory'] / 1e6:,.0f} MB" + _of(memory["maxmemory"]) + _lasts(left_s))
    say("books      balanced" if books.balanced else "books      NOT balanced: " + "; ".join(books.findings()))


def headroom_of(before: Books, books: Books, memory: dict[str, Any]) -> float | None:
    """Give the seconds until the broker is full, as it grew between two looks; None without an end in sight."""
    left = room.left_bytes(room.limit_bytes(memory), memory["used_memory"])
    seconds = room.headroom_s(left, room.growth_per_s(before, books))
    return None if seconds == inf else round(seconds, 1)


def document(books: Books, memory: dict[str, Any], *, headroom_s: float | None) -> dict[str, Any]:
    """Give `status --json`."""
    return {
        "ledger": books.ledger(),
        "sending": sending.document(books.sending),
        "lag_s": books.lag_s,
        "headroom_s": headroom_s,
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


def _lasts(headroom_s: float | None) -> str:
    return "" if headroom_s is None else f", full in {span(headroom_s)} as it grows now"


def _progress(count: int) -> None:
    if count % 100_000 == 0:
        click.echo(f"{count:,} …", err=True)
