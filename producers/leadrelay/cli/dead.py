"""`leadrelay dead`: list, show, replay and drop dead letters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from leadrelay.cli.common import json_option, moment, open_queue, show, who
from leadrelay.queue import DeadLetter, DeadLetters

if TYPE_CHECKING:
    from collections.abc import Callable


@click.group()
def dead() -> None:
    """Events that cannot be delivered, kept with their reason."""


def _selection(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--limit", type=click.IntRange(1), help="At most so many.")(command)
    return click.option("--reason", help="Only those that died of it.")(command)


@dead.command("list")
@_selection
@json_option
def list_(reason: str | None, limit: int | None, *, as_json: bool) -> None:
    """List dead letters, oldest first."""
    letters = DeadLetters(open_queue()).select(limit, reason=reason)
    if as_json:
        show([summary(letter) for letter in letters])
        return
    for letter in letters:
        message = letter.message
        click.echo(
            f"{message.seq:>10}  {message.eid:32}  {moment(letter.died_ms)}  {letter.reason:12} "
            f"{message.attempts} attempts"
        )


@dead.command("show")
@click.argument("which", metavar="SEQ|EID")
@click.option("--payload", is_flag=True, help="Show the event itself: personal data.")
@json_option
def show_(which: str, *, payload: bool, as_json: bool) -> None:
    """Show one dead letter and its attempts."""
    letter = DeadLetters(open_queue()).show(which)
    if letter is None:
        raise click.ClickException(f"no dead letter {which}")
    found = summary(letter) | {"history": list(letter.message.history)}
    if payload:
        found["payload"] = _readable(letter.message.payload)
    if as_json:
        show(found)
        return
    for name, value in found.items():
        click.echo(f"{name:10} {value}")


@dead.command()
@click.argument("which", nargs=-1, metavar="[SEQ]...")
@_selection
@click.option("--all", "every", is_flag=True, help="All that match.")
@click.option("--dry-run", is_flag=True, help="Only count.")
def replay(which: tuple[str, ...], reason: str | None, limit: int | None, *, every: bool, dry_run: bool) -> None:
    """Put dead letters back into the queue."""
    letters = DeadLetters(open_queue())
    seqs = _chosen(letters, which, reason, limit, every=every)
    click.echo(f"{len(seqs)} would be replayed" if dry_run else f"{letters.replay(seqs, who())} replayed")


@dead.command()
@click.argument("which", nargs=-1, metavar="[SEQ]...")
@_selection
@click.option("--all", "every", is_flag=True, help="All that match.")
@click.option("--because", required=True, help="Why, for the record.")
def drop(which: tuple[str, ...], reason: str | None, limit: int | None, because: str, *, every: bool) -> None:
    """Drop dead letters for good."""
    letters = DeadLetters(open_queue())
    seqs = _chosen(letters, which, reason, limit, every=every)
    click.echo(f"{letters.drop(seqs, who(), because)} dropped")


def _chosen(
    letters: DeadLetters, which: tuple[str, ...], reason: str | None, limit: int | None, *, every: bool
) -> list[int]:
    if which:
        if not all(text.isdigit() for text in which):
            raise click.UsageError("name dead letters by the number that `dead list` shows first")
        return [int(text) for text in which]
    if not (every or reason or limit):
        raise click.UsageError("name dead letters, or choose with --reason, --limit or --all")
    return [letter.message.seq for letter in letters.select(limit, reason=reason)]


def summary(letter: DeadLetter) -> dict[str, Any]:
    """Describe a dead letter without its content."""
    message = letter.message
    return {
        "seq": message.seq,
        "eid": message.eid,
        "reason": letter.reason,
        "died": moment(letter.died_ms),
        "accepted": moment(message.accepted_ms),
        "attempts": message.attempts,
    }


def _readable(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")
