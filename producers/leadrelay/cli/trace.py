"""`leadrelay trace`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from leadrelay.cli.common import json_option, moment, open_queue, show, span
from leadrelay.history import Ended, HistoryFiles
from leadrelay.ids import derived_eid
from leadrelay.queue.find import MOST_READ, Found, Search
from leadrelay.queue.hours import names_of
from leadrelay.queue.message import Attempt
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leadrelay.queue.core import Queue


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
    search = Search(queue, wanted, most, _progress)
    history = HistoryFiles(settings.home)
    found = search.run()
    endings = [] if found else history.find(wanted)
    if not found and not endings and search.seq:  # it was accepted here: it may have moved back during the search
        found = search.run()
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    told: dict[str, Any] = {"eid": wanted, "known": bool(found or endings or search.seq)}
    told |= _in_queue(queue, found) if found else _gone(endings, search, history)
    told["searched"] = {"messages": search.read, "complete": found is not None or search.complete}
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


def _in_queue(queue: Queue, found: Found) -> dict[str, Any]:
    message = found.message
    dataset, title = names_of(queue, message.accepted_ms, message.label) or (None, None)
    return {
        "state": found.state,
        "says": _state(found),
        "seq": message.seq,
        "dataset": dataset,
        "title": title,
        "accepted": message.accepted_ms,
        "attempts": message.attempts,
        "history": _attempts(message.history),
        "gave_way": message.gave_way,
        "stale": message.stale,
        "next_attempt": found.due_ms,
        "ahead": found.ahead,
        "worker": found.worker or None,
        "reason": found.reason or None,
        "died": found.died_ms,
    }


def _state(found: Found) -> str:
    if found.state == "scheduled":
        return f"scheduled: next attempt at {moment(found.due_ms)}"
    if found.state == "in_flight":
        return f"in flight with {found.worker}"
    if found.state == "dead":
        return f"dead since {moment(found.died_ms)}: {found.reason}; see `leadrelay dead show {found.message.seq}`"
    if found.state == "held" and found.place == "dataset":
        return f"held: sending to its dataset is stopped; {found.ahead:,} of it are before this one"
    if found.state == "held":
        return f"held behind an earlier event of the same user; {found.ahead:,} held ones are before it"
    why = {"returning": " again", "suspects": " again, to be sent alone: a worker died with it", "bulk": ", imported"}
    return f"ready{why.get(found.place, '')}; {found.ahead:,} are before it in its list"


def _gone(endings: list[Ended], search: Search, history: HistoryFiles) -> dict[str, Any]:
    last = endings[-1] if endings else None
    return {
        "state": last.outcome if last else "gone" if search.seq else "unknown",
        "says": _ended(last) if last else _not_here(search, history),
        "seq": last.seq if last else search.seq,
        "title": last.title if last else None,
        "accepted": last.at_ms - last.latency_ms if last else None,
        "attempts": last.attempts if last else None,
        "history": _attempts(last.history) if last else [],
        "stale": bool(last and last.stale),
        "worker": last.worker if last else None,
        "endings": [
            {"at": ended.at_ms, "outcome": ended.outcome, "attempts": ended.attempts, "reason": ended.reason,
             "worker": ended.worker}
            for ended in endings
        ],
    }  # fmt: skip


def _ended(ended: Ended) -> str:
    attempts = f"{ended.attempts} attempt{'s' * (ended.attempts != 1)}"
    after = f"after {attempts}, {span(ended.latency_ms / 1000)} after it was accepted"
    if ended.outcome == "delivered":
        return f"delivered at {moment(ended.at_ms)} {after}"
    if ended.outcome == "dead":
        since = "it is no dead letter any more: dropped, pruned, or replayed"
        return f"died at {moment(ended.at_ms)} ({ended.reason}) {after}; {since}"
    return f"dropped at {moment(ended.at_ms)} ({ended.reason})"


def _not_here(search: Search, history: HistoryFiles) -> str:
    if not search.complete:
        return f"not among the {search.read:,} messages that were read; --most reads more"
    files = history.files()
    kept = f"the history in {history.folder}" + (f" (since {files[0].name[:10]})" if files else " (empty)")
    if search.seq:
        return (
            f"accepted here as number {search.seq:,} and not in the queue any more, so it was delivered or dropped; "
            f"{kept} does not name it: it was sent by a worker with another home, dropped by an operator, or the "
            "worker died before it wrote the line"
        )
    return (
        f"not known here: it is not in the queue, not in {kept}, and not among the events accepted lately. It was "
        "delivered longer ago or by a worker with another home, or this broker never accepted it"
    )


def _attempts(history: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {"at": attempt.at_ms, "attempt": attempt.number, "outcome": attempt.outcome, "unknown": attempt.unknown,
         "reason": attempt.reason, "took_ms": attempt.took_ms}
        for attempt in map(Attempt.parse, history)
        if attempt
    ]  # fmt: skip


def _print(told: dict[str, Any]) -> None:
    click.echo(f"event      {told['eid']}" + (f"  number {told['seq']:,}" if told["seq"] else ""))
    if told["title"] is not None:
        click.echo(f"title      {told['title']}" + (f"  of dataset {told['dataset']}" if told.get("dataset") else ""))
    if told["accepted"]:
        click.echo(f"accepted   {moment(told['accepted'])}")
    click.echo(f"state      {told['says']}")
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
    read = f"{searched['messages']:,} messages of the queue" if searched["messages"] else "the queue, found at once"
    click.echo(f"searched   {read}{'' if searched['complete'] else ', not all'}")
