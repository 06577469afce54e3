"""The filters that `dead list`, `replay`, `drop` and `export` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from leadrelay.queue.selection import read_filters

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.queue import DeadLetters, Selection

#: Option and what it means; all of them must match.
FILTERS = (
    ("reason", "Only those that died of it."),
    ("title", "Only events of this title."),
    ("user", "Only events that name this user (uid, userId, email, sid, id in otui)."),
    ("since", "Only those that died since then: 2h, 3d, or a date."),
    ("until", "Only those that died before then."),
)


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the filters and --limit to a command, which receives them as keyword arguments."""
    command = click.option("--limit", type=click.IntRange(1), help="At most so many, the oldest first.")(command)
    for name, meaning in reversed(FILTERS):
        command = click.option(f"--{name}", metavar="TIME" if name in ("since", "until") else None, help=meaning)(
            command
        )
    return command


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Give the filters that were named, without --limit."""
    return {name: options[name] for name, _ in FILTERS if options[name] is not None}


def selection_of(letters: DeadLetters, options: dict[str, Any]) -> Selection:
    """Read the filters; times are by the broker's clock.

    Raises:
        click.UsageError: A time cannot be read.
    """
    try:
        return read_filters(given(options), letters.queue.now_ms())
    except ValueError as error:
        raise click.UsageError(f"--{error}") from None


def seqs_of(letters: DeadLetters, which: tuple[str, ...]) -> list[int]:
    """Give the numbers of letters that were named by number or eid.

    Raises:
        click.ClickException: There is no such letter.
    """
    found = []
    for name in which:
        letter = letters.show(name)
        if letter is None:
            raise click.ClickException(f"no dead letter {name}")
        found.append(letter.message.seq)
    return found


def must_choose(which: tuple[str, ...], options: dict[str, Any], *, every: bool) -> None:
    """Refuse a command that neither names letters nor chooses among them.

    Raises:
        click.UsageError: With what to write instead.
    """
    chosen = bool(given(options) or options["limit"] or every)
    if chosen == bool(which):
        raise click.UsageError("name dead letters by number or eid, or choose with a filter, --limit or --all")
