"""What commands share."""

from __future__ import annotations

import getpass
import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from leadrelay import broker
from leadrelay.reports import columns
from leadrelay.settings import Settings
from leadrelay.times import shown_moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leadrelay.queue.core import Queue

#: Exit codes: 0 fine, 1 the answer is no, 2 usage, 3 broker unreachable.
EXIT_USAGE, EXIT_UNREACHABLE = 2, 3
#: Characters of the names that lines of `status` begin with.
NAMES = 11
#: Show a length of time, and a point in it, for people.
span = columns.span
moment = shown_moment

json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


def open_queue() -> Queue:
    """Give the queue of this environment, starting the embedded broker if none is set."""
    return broker.open_queue(Settings.load())


def show(document: Any) -> None:
    """Print a document as JSON."""
    click.echo(json.dumps(document, ensure_ascii=False))


def show_each(documents: Iterable[Any]) -> None:
    """Print documents as one JSON array, each as it comes."""
    opening = "["
    for document in documents:
        click.echo(opening + json.dumps(document, ensure_ascii=False), nl=False)
        opening = ",\n"
    click.echo("]" if opening != "[" else "[]")


def who() -> str:
    """Name the operator for the audit."""
    try:
        return "_".join(getpass.getuser().split())
    except (KeyError, OSError):
        return "unknown"


def terminal_width() -> int:
    """Give the characters of a line; output that is no terminal is not cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000


def say(line: str) -> None:
    """Print a line of a name and what is said of it; on a narrow terminal the rest stands below its beginning."""
    for part in textwrap.wrap(line, terminal_width(), subsequent_indent=" " * NAMES, drop_whitespace=True) or [""]:
        click.echo(part)


def progress(text: str) -> None:
    """Show how far long work is, on one line of the terminal; ``""`` clears it."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)
