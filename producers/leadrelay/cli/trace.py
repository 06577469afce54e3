"""`leadrelay trace`."""

from __future__ import annotations

import sys
from typing import Any

import click

from leadrelay.cli.common import json_option, moment, open_queue, say, show
from leadrelay.history import HistoryFiles
from leadrelay.ids import derived_eid
from leadrelay.queue.find import MOST_READ
from leadrelay.settings import Settings
from leadrelay.tracing import trace_event


@click.command()
@click.argument("eid", required=False)
@click.option("--idempotency-key", "key", help="Instead of EID: the key with which the event was tracked.")
@click.option("--si", help="Dataset of the key.  [default: LEADRELAY_DATASET_ID]")
@click.option("--most", type=click.IntRange(1), default=MOST_READ, show_default=True, help="Messages read at most.")
@json_option
def trace(eid: str | None, key: str | None, si: str | None, most: int, *, as_json: bool) -> None:
    """Say where an event is and was: in the queue, else in this home's history. Exit code 1 when it is not known."""
    settings = Settings.load()
    wanted = _eid(eid, key, si or settings.dataset_id)
    queue = open_queue()
    told = trace_event(queue, HistoryFiles(settings.home), wanted, most, _progress)
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    if as_json:
        show(told)
    else:
        _print(told)
    raise click.exceptions.Exit(0 if told["known"] else 1)


def _eid(eid: str | None, key: str | None, si: str | None) -> str:
    if bool(eid) == bool(key):
        raise click.UsageError("name an EID, or an --idempotency-key")
    if eid:
        return eid
    if not si:
        raise click.UsageError("an idempotency key belongs to a dataset: pass --si, or set LEADRELAY_DATASET_ID")
    return derived_eid(si, str(key))


def _progress(read: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{read:,} messages read …", nl=False, err=True)


def _print(told: dict[str, Any]) -> None:
    click.echo(f"event      {told['eid']}" + (f"  number {told['seq']:,}" if told["seq"] else ""))
    if told["title"] is not None:
        click.echo(f"title      {told['title']}" + (f"  of dataset {told['dataset']}" if told.get("dataset") else ""))
    if told["accepted"]:
        click.echo(f"accepted   {moment(told['accepted'])}")
    say(f"state      {told['says']}")
    if told.get("gave_way"):
        click.echo("order      it failed for long, so the same user's later events do not wait for it any more")
    if told["stale"]:
        click.echo("order      stale: newer events of the same user went out before it")
    for number, attempt in enumerate(told["history"]):
        unknown = "  result unknown: the endpoint may have it" if attempt["unknown"] else ""
        click.echo(
            f"{'' if number else 'attempts':10} {attempt['attempt']:>2}  {moment(attempt['at'])}  "
            f"{attempt['outcome']:13} {attempt['reason']:14} {attempt['took_ms']:>5} ms{unknown}"
        )
    for ended in told.get("endings", [])[:-1]:
        click.echo(f"before     {ended['outcome']} at {moment(ended['at'])} ({ended['reason']})")
    searched = told["searched"]
    read = f"{searched['messages']:,} messages of the queue" if searched["messages"] else "the queue"
    click.echo(f"searched   {read}{'' if searched['complete'] else ', not all'}")
