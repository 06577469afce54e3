"""What commands share."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from leadrelay import broker
from leadrelay.reports import columns
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from leadrelay.queue.core import Queue

#: Shows a length of time for people.
span = columns.span

json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


def open_queue() -> Queue:
    """Give the queue of this environment, starting the embedded broker if none is set."""
    return broker.open_queue(Settings.load())


def show(document: Any) -> None:
    """Print a document as JSON."""
    click.echo(json.dumps(document, ensure_ascii=False))


def who() -> str:
    """Name the operator for the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def moment(ms: int | None) -> str:
    """Show a time in ms for people, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if ms else "-"
