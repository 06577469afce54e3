"""`leadrelay dead`: list, show, export and drop dead letters; edit and replay stand beside."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

import click

from leadrelay.cli.common import json_option, moment, open_queue, progress, show, show_each, terminal_width, who
from leadrelay.cli.edit import edit
from leadrelay.cli.replay import replay, replays
from leadrelay.cli.selecting import filters, must_choose, selection_of, seqs_of
from leadrelay.cli.table import table
from leadrelay.queue import DeadLetter, DeadLetters, Selection
from leadrelay.queue.audit import of_letter
from leadrelay.queue.dead import BATCH
from leadrelay.queue.letter import read_history
from leadrelay.queue.replay import survey

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Letters that a list for people shows unless --limit says otherwise.
_SHOWN = 100
_COLUMNS = ("EID", "TITLE", "REASON", "DIED", "ATTEMPTS", "LAST OUTCOME", "NOTE")


@click.group()
def dead() -> None:
    """Events that cannot be delivered, kept with their reason."""


for _command in (edit, replay, replays):
    dead.add_command(_command)


@dead.command("list")
@filters
@click.option("--counts", is_flag=True, help="Count them by reason and title instead.")
@json_option
def list_(*, counts: bool, as_json: bool, **options: Any) -> None:
    """List dead letters, oldest first, without what they hold."""
    letters = DeadLetters(open_queue())
    selection, limit = selection_of(letters, options), options["limit"]
    if counts:
        _count(letters, selection, limit, as_json=as_json)
        return
    if as_json:
        show_each(summary(letter) for letter in letters.select(selection, limit))
        return
    found = list(islice(letters.select(selection), (limit or _SHOWN) + 1))
    shown = found[: limit or _SHOWN]
    if not shown:
        click.echo("no dead letters match")
        return
    for line in table(_COLUMNS, [_row(letter) for letter in shown], terminal_width(), cut=("TITLE", "LAST OUTCOME")):
        click.echo(line)
    if len(found) > len(shown):
        click.echo(f"… and more: --limit shows them, --counts counts all of them ({_SHOWN} are shown unless asked)")


@dead.command("show")
@click.argument("which", metavar="SEQ|EID")
@json_option
def show_(which: str, *, as_json: bool) -> None:
    """Show one dead letter with its attempts and what it holds: personal data."""
    letter = DeadLetters(open_queue()).show(which)
    if letter is None:
        raise click.ClickException(f"no dead letter {which}")
    if as_json:
        show(in_full(letter))
        return
    for name, value in summary(letter).items():
        if name != "died_ms":
            click.echo(f"{name:13} {value}")
    for entry in read_history(letter.message.history):
        click.echo(
            f"{'attempt':13} {entry['attempt']:<3} {moment(entry['at_ms'])}  {entry['outcome']} {entry['reason']}  "
            f"{entry['ms']} ms"
        )
    for kind, content in letter.content().items():
        click.echo(f"{kind}:")
        pairs = content.items() if isinstance(content, dict) else [("", content)]
        for name, value in pairs:
            click.echo(f"  {name:20} {value}".rstrip())


@dead.command()
@filters
@click.option("--output", type=click.Path(dir_okay=False), help="A new file, readable by you alone.")
@json_option
def export(output: str | None, *, as_json: bool, **options: Any) -> None:
    """Write dead letters as JSON lines, with what they hold: personal data."""
    letters = DeadLetters(open_queue())
    selection, number = selection_of(letters, options), 0
    with _opened(output) as file:
        for number, letter in enumerate(letters.select(selection, options["limit"]), 1):
            file.write(json.dumps(in_full(letter), ensure_ascii=False) + "\n")
            if number % BATCH == 0:
                progress(f"{number:,} exported")
    progress("")
    if output and as_json:
        show({"exported": number})
    elif output:
        click.echo(f"{number:,} exported")


@dead.command()
@click.argument("which", nargs=-1, metavar="[SEQ|EID]...")
@filters
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.option("--because", required=True, help="Why, for the record; without personal data.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@json_option
def drop(which: tuple[str, ...], *, because: str, every: bool, dry_run: bool, as_json: bool, **options: Any) -> None:
    """Drop dead letters for good."""
    must_choose(which, options, every=every)
    letters = DeadLetters(open_queue())
    selection, limit, seqs, dropped = selection_of(letters, options), options["limit"], seqs_of(letters, which), 0
    if dry_run:
        dropped = len(seqs) if which else survey(letters, selection, limit).matching
    elif which:
        because = f"{of_letter(seqs[0])}: {because}" if len(seqs) == 1 else because
        dropped = letters.drop(seqs, who(), because, letters.queue.now_ms())
    else:
        for dropped in letters.drop_matching(selection, who(), because, limit):
            progress(f"{dropped:,} dropped")
    progress("")
    if as_json:
        show({"dropped": dropped, "dry_run": dry_run})
    else:
        click.echo(f"{dropped:,} would be dropped" if dry_run else f"{dropped:,} dropped")


def summary(letter: DeadLetter) -> dict[str, Any]:
    """Describe a dead letter without what it holds."""
    message = letter.message
    return {
        "seq": message.seq,
        "eid": message.eid,
        "title": letter.title,
        "reason": letter.reason,
        "died": moment(letter.died_ms),
        "died_ms": letter.died_ms,
        "accepted": moment(message.accepted_ms),
        "attempts": message.attempts,
        "last_outcome": letter.last_outcome,
        "revision": message.revision,
        "replays": message.replays,
        "stale": letter.stale,
        "needs_edit": letter.wire is None,
    }


def in_full(letter: DeadLetter) -> dict[str, Any]:
    """Describe a dead letter with its attempts and what it holds."""
    return summary(letter) | {"history": read_history(letter.message.history)} | letter.content()


def _row(letter: DeadLetter) -> tuple[str, ...]:
    message = letter.message
    notes = [
        *(["needs edit"] if letter.wire is None else []),
        *(["stale"] if letter.stale else []),
        *([f"edited {message.revision}x"] if message.revision else []),
        *([f"replayed {message.replays}x"] if message.replays else []),
    ]
    return (
        message.eid or str(message.seq),
        letter.title,
        letter.reason,
        moment(letter.died_ms),
        str(message.attempts),
        letter.last_outcome,
        ", ".join(notes),
    )


def _count(letters: DeadLetters, selection: Selection, limit: int | None, *, as_json: bool) -> None:
    found = survey(letters, selection, limit)
    if as_json:
        show({"matching": found.matching, "by_reason": found.by_reason, "by_title": found.by_title})
        return
    click.echo(f"{found.matching:,} dead letters")
    for heading, counter in (("REASON", found.by_reason), ("TITLE", found.by_title)):
        rows = [(name or "-", f"{number:,}") for name, number in counter.most_common()]
        for line in table((heading, "LETTERS"), rows, terminal_width(), cut=(heading,)) if rows else ():
            click.echo(line)


@contextmanager
def _opened(output: str | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.UsageError(f"{output}: {error.strerror}") from None
    with open(handle, "w", encoding="utf-8") as file:  # noqa: PTH123 - by its handle: nobody else could open it before
        yield file
