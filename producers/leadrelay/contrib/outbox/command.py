"""What `leadrelay outbox` and `manage.py leadrelay_outbox` do."""

from __future__ import annotations

import signal
import sys
import time
from threading import Event
from typing import TYPE_CHECKING

import click

from leadrelay import broker
from leadrelay.cli.common import progress, show
from leadrelay.contrib.outbox.loop import Watch, relay_until
from leadrelay.contrib.outbox.relay import Relay
from leadrelay.errors import ConfigurationError
from leadrelay.handover.sender import Sender
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from leadrelay.contrib.outbox.store import Store

#: Seconds between two drawings on a terminal, and between two lines in a pipe.
_DRAWN_S = 0.2
_SAID_S = 10.0


class Console:
    """Tells on standard error what a relay does."""

    def __init__(self) -> None:
        """See the class."""
        self.relayed = 0
        self._said, self._reason = 0, ""
        self._terminal = sys.stderr.isatty()
        self._next = time.monotonic() + self._every()

    def moved(self, rows: int) -> None:
        """Count rows; says how many when it is time."""
        self.relayed += rows
        if time.monotonic() < self._next or self._said == self.relayed:
            return
        self._next, self._said = time.monotonic() + self._every(), self.relayed
        text = f"{self.relayed:,} events relayed"
        if self._terminal:
            progress(text)
        else:
            click.echo(text, err=True)

    def waits(self, reason: str) -> None:
        """Say why the relay waits, each reason once, and that it goes on."""
        if reason != self._reason:
            progress("")
            click.echo(f"waiting: {reason}" if reason else "going on", err=True)
            self._reason = reason

    def _every(self) -> float:
        return _DRAWN_S if self._terminal else _SAID_S


def sender_of(settings: Settings, *, start: bool) -> Sender:
    """Give the sender of a relay.

    Raises:
        ConfigurationError: Nothing would be sent.
        BrokerUnavailable: As `broker.url_of`.
    """
    if settings.mode != "live":
        raise ConfigurationError(f"LEADRELAY_MODE is {settings.mode}, so the outbox stays as it is; unset it to relay")
    return Sender(broker.open_queue(settings, start=start))


def run(store: Store, *, once: bool, as_json: bool) -> int:
    """Relay until SIGTERM or Ctrl-C, or once; print what was done and give the exit code.

    Args:
        store: The outbox.
        once: Until nothing that is committed waits.
        as_json: For machines.

    Returns:
        0, or 1 when rows wait behind another relay that has the turn.

    Raises:
        LeadrelayError: As `relay_until`.
    """
    sender = sender_of(Settings.load(), start=True)
    stop, console = Event(), Console()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        alone = relay_until(Relay(sender, store), stop, Watch(console.moved, console.waits), once=once)
    finally:
        progress("")
        if sender.queue.witness:
            sender.queue.witness.flush()
    waiting = store.waiting()
    if as_json:
        show({"relayed": console.relayed, "waiting": waiting, "standby": not alone})
    else:
        said = "" if alone else "; another relay is at work"
        click.echo(f"{console.relayed:,} events relayed, {waiting:,} wait{said}")
    return int(not alone and waiting > 0)
