"""`leadrelay dead replay` and `dead replays`."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, moment, open_queue, progress, show, span, terminal_width, who
from leadrelay.cli.selecting import filters, given, must_choose, selection_of, seqs_of
from leadrelay.cli.table import table
from leadrelay.errors import NotAccepted
from leadrelay.queue import DeadLetters, Replayed
from leadrelay.queue.audit import of_letter
from leadrelay.queue.books import read_books
from leadrelay.queue.replay import Plan, delivering_per_s, read_records, run, survey, unfinished
from leadrelay.queue.selection import described, id_of
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from leadrelay.queue.replay import Progress, Record

#: Longest sleep between looks at whether to stop, in seconds.
_LOOK_S = 0.1
#: Titles that a dry run names for people; `--json` has all.
_SHOWN = 10


@click.command()
@click.argument("which", nargs=-1, metavar="[SEQ|EID]...")
@filters
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="So many a second.")
@click.option("--allow-stale", is_flag=True, help="Also what would put a person's older values after newer ones.")
@click.option("--dry-run", is_flag=True, help="Only count, and estimate how long it would take.")
@json_option
def replay(
    which: tuple[str, ...],
    *,
    every: bool,
    rate: float | None,
    allow_stale: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Put dead letters back into the queue, as they are now.

    A replay by filter is recorded. Ctrl-C or SIGTERM stops it between two steps (exit code 1), and the same command
    goes on with it; letters that die again meanwhile are left to the next one.
    """
    must_choose(which, options, every=every)
    settings = Settings.load()
    letters = DeadLetters(broker.open_queue(settings))
    if which:
        _replay_named(letters, which, allow_stale=allow_stale, dry_run=dry_run, as_json=as_json)
        return
    what = described(given(options), options["limit"], settings.lane_secret)
    plan = Plan(selection_of(letters, options), id_of(what), what, options["limit"], rate, allow_stale)
    if dry_run:
        _estimate(letters, plan, as_json=as_json)
        return
    total = None
    if sys.stdin.isatty() and not as_json:
        plan, total = _asked(letters, plan)
    _replay(letters, plan, total, as_json=as_json)


@click.command()
@json_option
def replays(*, as_json: bool) -> None:
    """List the recorded replays, the latest first."""
    records = read_records(DeadLetters(open_queue()))
    if as_json:
        show([asdict(record) for record in records])
        return
    rows = [
        (record.id, record.what, moment(record.begun_ms), record.by, f"{record.replayed:,}", record.state)
        for record in records
    ]
    headings = ("ID", "OF", "BEGUN", "BY", "REPLAYED", "STATE")
    for line in table(headings, rows, terminal_width(), cut=("OF", "BY")) if rows else ["no replays are recorded"]:
        click.echo(line)


def _replay_named(
    letters: DeadLetters, which: tuple[str, ...], *, allow_stale: bool, dry_run: bool, as_json: bool
) -> None:
    found = [letter for letter in map(letters.show, map(str, seqs_of(letters, which))) if letter]
    ready = [letter.message.seq for letter in found if letter.wire is not None]
    what = of_letter(ready[0]) if len(ready) == 1 else "named ones"
    done = Replayed() if dry_run else letters.replay(ready, who(), what=what, allow_stale=allow_stale)
    if as_json:
        show({**asdict(done), "needs_edit": len(found) - len(ready), "dry_run": dry_run})
    else:
        click.echo(f"{len(ready):,} would be replayed" if dry_run else f"{done.replayed:,} replayed")
        _tell_left(done.stale, len(found) - len(ready))
    if done.replayed < len(found) and not dry_run:
        raise click.exceptions.Exit(1)


def _asked(letters: DeadLetters, plan: Plan) -> tuple[Plan, int]:
    """Count first, and ask whether stale ones are meant too."""
    found = survey(letters, plan.selection, plan.limit)
    total = found.moving(allow_stale=plan.allow_stale)
    if found.stale and not plan.allow_stale:
        click.echo(f"Stale: {found.stale:,} of {found.matching:,}. Newer values of the same person went out since.")
        if click.confirm("Send the older ones after them, so that they overwrite the newer?", default=False):
            return Plan(
                plan.selection, plan.id, plan.what, plan.limit, plan.rate, allow_stale=True
            ), total + found.stale
    return plan, total


def _replay(letters: DeadLetters, plan: Plan, total: int | None, *, as_json: bool) -> None:
    steps, begun = run(letters, plan, who(), _stoppable_wait()), time.monotonic()
    step = next(steps)
    if step.record.replayed:
        _tell_resumed(step.record)
    try:
        for step in steps:
            progress(_so_far(step.here.replayed, total, time.monotonic() - begun))
    except NotAccepted:
        progress("")
        click.echo(f"stopped: {step.here.replayed:,} replayed; the same command goes on", err=True)
        raise
    progress("")
    if as_json:
        of_run = asdict(step.record) | {"in_run": step.record.replayed}
        show({**of_run, **asdict(step.here), "needs_edit": step.needs_edit})
    else:
        _tell(step)
    if not step.done:
        raise click.exceptions.Exit(1)


def _stoppable_wait() -> Callable[[float], bool]:
    """Give a sleep that Ctrl-C and SIGTERM cut short; from here on they stop the replay between two steps."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stopping.append(number))

    def wait(seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not stopping and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_S))
        return bool(stopping)

    return wait


def _so_far(replayed: int, total: int | None, seconds: float) -> str:
    per_s = replayed / max(seconds, _LOOK_S)
    if not total:
        return f"{replayed:,} replayed, {per_s:,.0f}/s"
    left = f", {span((total - replayed) / per_s)} left" if replayed and total > replayed else ""
    return f"{replayed:,} of {total:,} replayed, {per_s:,.0f}/s{left}"


def _tell_resumed(record: Record) -> None:
    begun = f"the replay that {record.by} began {moment(record.begun_ms)}"
    click.echo(f"going on with {begun}: {record.replayed:,} replayed so far", err=True)


def _tell(step: Progress) -> None:
    in_run = f" ({step.record.replayed:,} in this replay)" if step.record.replayed != step.here.replayed else ""
    stopped = "" if step.done else "stopped: "
    click.echo(
        f"{stopped}{step.here.replayed:,} replayed{in_run}" + ("" if step.done else "; the same command goes on")
    )
    _tell_left(step.here.stale, step.needs_edit)
    if step.here.again:
        click.echo(f"left out: {step.here.again:,} that died again since it began (the next replay sends them)")


def _tell_left(stale: int, needs_edit: int) -> None:
    if stale:
        click.echo(
            f"left out: {stale:,} stale (newer values of the same person went out since; --allow-stale sends them)"
        )
    if needs_edit:
        click.echo(f"left out: {needs_edit:,} that are no events (leadrelay dead edit)")


def _estimate(letters: DeadLetters, plan: Plan, *, as_json: bool) -> None:
    found = survey(letters, plan.selection, plan.limit)
    moving, sending = found.moving(allow_stale=plan.allow_stale), read_books(letters.queue).sending
    per_s = delivering_per_s(letters.queue, _stoppable_wait())
    goes_on = unfinished(letters, plan.id)
    takes = {"at_rate_s": moving / plan.rate if plan.rate else None, "at_delivery_s": moving / per_s if per_s else None}
    if as_json:
        counts = {**vars(found), "would_replay": moving, "rate": plan.rate, "delivering_per_s": per_s}
        show({**counts, **takes, "goes_on": asdict(goes_on) if goes_on else None})
        return
    click.echo(f"{moving:,} of {found.matching:,} dead letters would be replayed")
    if not found.matching:
        return
    click.echo(f"reasons   {_most(found.by_reason)}")
    click.echo(f"titles    {_most(found.by_title)}")
    _tell_left(0 if plan.allow_stale else found.stale, found.needs_edit)
    if plan.rate:
        click.echo(f"takes     {span(moving / plan.rate)} at {plan.rate:g} a second")
    if per_s:
        click.echo(f"delivery  {span(moving / per_s)} at the present {per_s:,.0f} a second")
    else:
        click.echo(f"delivery  nobody can say: nothing was delivered in the last second (sending: {sending.state})")
    if goes_on:
        _tell_resumed(goes_on)


def _most(counter: Counter[str]) -> str:
    shown = [f"{name or '-'} {number:,}" for name, number in counter.most_common(_SHOWN)]
    return ", ".join(shown) + (f" and {len(counter) - _SHOWN:,} more" if len(counter) > _SHOWN else "")
