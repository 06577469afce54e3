"""`leadrelay drain`, and what `status` says of the spool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, progress, show, span
from leadrelay.forgotten import Forgotten
from leadrelay.handover.sender import Sender
from leadrelay.queue.core import Batch
from leadrelay.settings import Settings
from leadrelay.spool.drain import Drain, Drained
from leadrelay.spool.folder import Folder, folders
from leadrelay.spool.summary import Summary, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadrelay.entry import Entry

#: Seconds that one batch may take.
_BUDGET_S = 10.0


@click.command()
@json_option
def drain(*, as_json: bool) -> None:
    """Move what waits in this home's spool into the queue, in order. Exit code 1 when something is left."""
    settings = Settings.load()
    folder = Folder(settings.home, settings.label())
    try:
        done = _drained(settings, folder, summary(folder).events)
        left = summary(folder)
    except OSError as error:
        what = f"the spool in {folder.path} (LEADRELAY_HOME) cannot be drained: {error.strerror}"
        raise click.ClickException(f"{what}; what is left in it stays there") from None
    if as_json:
        show({"drained": done.events, "damaged_bytes": done.damaged_bytes, "spool": document(settings)})
    else:
        click.echo(f"{done.events:,} events drained, {left.events:,} left")
        for line in [*_odd(done, left), *_elsewhere(settings)]:
            click.echo(line)
    raise click.exceptions.Exit(1 if left.events or left.unreadable or done.damaged_bytes else 0)


def _drained(settings: Settings, folder: Folder, waiting: int) -> Drained:
    sender = Sender(broker.open_queue(settings))

    def send(entries: Sequence[Entry], source: str, digest: str) -> None:
        sender.enqueue(entries, end=time.monotonic() + _BUDGET_S, batch=Batch(source, digest))

    def tell(done: Drained) -> None:
        progress(f"{done.events:,} of {max(waiting, done.events):,} events")

    try:
        forgotten = Forgotten(sender.queue, settings.lane_secret)
        return Drain(folder, send, sender.queue.last_batch, tell, forgotten.sent_as).run()
    finally:
        progress("")
        if sender.queue.witness:
            sender.queue.witness.flush()


def _odd(done: Drained, left: Summary) -> list[str]:
    said = []
    if not done.alone:
        said.append("another process drains this spool")
    if left.unreadable:
        said.append(f"{left.unreadable} files belong to another user: run this as that user, or as root")
    if done.damaged_bytes:
        said.append(f"{done.damaged_bytes:,} bytes were damaged; the files are kept (*.damaged)")
    return said


def _elsewhere(settings: Settings) -> list[str]:
    """Say what waits in this home for other brokers or namespaces, and goes nowhere else."""
    return [
        f"{other.events:,} more events wait for another broker or namespace ({other.label}): run this with its settings"
        for other in _others(settings)
    ]


def _others(settings: Settings) -> list[Summary]:
    found = [summary(folder) for folder in folders(settings.home) if folder.label != settings.label()]
    return [other for other in found if other.events or other.unreadable]


def document(settings: Settings) -> dict[str, Any]:
    """Give the spool for ``--json``: as `Summary`, and what waits for other brokers; or the ``error``."""
    try:
        own = summary(Folder(settings.home, settings.label()))
        return own.document() | {"others": [other.document() for other in _others(settings)]}
    except OSError as error:
        return {"error": error.strerror}


def lines(settings: Settings) -> list[str]:
    """Give the spool for people."""
    try:
        return _lines(settings)
    except OSError as error:
        return [f"spool      in {settings.home} cannot be read ({error.strerror})"]


def _lines(settings: Settings) -> list[str]:
    own = summary(Folder(settings.home, settings.label()))
    text = f"spool      {own.events:,} events"
    if own.events:
        text += f", {own.bytes / 1e6:,.1f} MB, the oldest {span(own.oldest_s or 0)} old"
    if own.unreadable:
        text += f", {own.unreadable} files of another user"
    if own.damaged:
        text += f", {own.damaged} damaged files are kept (*.damaged)"
    if own.lost:
        text += f"; {own.lost:,} lost"
    return [text, *(f"           {line}" for line in _elsewhere(settings))]
