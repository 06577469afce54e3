"""The client: from the arguments of a call to an event that is handed over."""

from __future__ import annotations

import logging
import sys
import time
from threading import RLock
from typing import TYPE_CHECKING, Any

from leadrelay.contexts import completed
from leadrelay.entry import Entry, batches
from leadrelay.errors import InvalidEvent, NotAccepted
from leadrelay.event import Event, split
from leadrelay.handover.core import Handover
from leadrelay.hook import Hook
from leadrelay.ids import derived_eid, new_eid
from leadrelay.interruption import let_through
from leadrelay.invalid import INVALID, refused
from leadrelay.label import shown_dataset, shown_title
from leadrelay.modes import MODES
from leadrelay.trackapi.values import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from leadrelay.handover.sender import Sender
    from leadrelay.queue.core import Batch, Queue, Receipt
    from leadrelay.settings import Settings

logger = logging.getLogger(__name__)


class Client:
    """Makes events and hands them over; safe to share between threads, not with a forked child.

    Args:
        settings: This process's.
        queue: For commands, which put events into one queue themselves (`track`, `import_batch`).
        started: Monotonic time at which the first call began, if loading this was part of it.
    """

    def __init__(self, settings: Settings, queue: Queue | None = None, *, started: float | None = None) -> None:
        """See the class."""
        self.settings = settings
        self._queue = queue
        self._sender: Sender | None = None
        self._started, self._lock = started, RLock()
        self._handover: Handover | None = None
        self._hook = Hook(settings.before_track, self.make) if settings.before_track else None

    @property
    def queue(self) -> Queue:
        """The queue that a command was given."""
        assert self._queue is not None, "this client hands over; it has no queue of its own"
        return self._queue

    @property
    def handover(self) -> Handover:
        """What hands events over in `live` mode, made when the first one is."""
        if self._handover is None:
            with self._lock:
                self._handover = self._handover or Handover(self.settings, self._started)
        return self._handover

    @property
    def strict(self) -> bool:
        """Whether a wrong event raises: by the setting, else under pytest and in Python's development mode."""
        if self.settings.strict is None:
            return sys.flags.dev_mode or "pytest" in sys.modules
        return self.settings.strict

    def entry(self, event: Event) -> Entry:
        """Give an event as the queue takes it."""
        settings = self.settings
        lane = event.lane(settings.lane_secret, settings.lane_placeholders) if settings.lanes else ""
        names = shown_dataset(event.wire["si"]), shown_title(event.wire.get("ti", ""))
        return Entry(event.eid, lane, event.scope(), event.payload(), *names)

    def make(self, title: str | None, wire: Mapping[str, Any], eid: str | None = None) -> Event:
        """Make an event of a call's arguments.

        Args:
            title: `ti`; None for an event without one.
            wire: Options and wire parameters as `track_event` takes them.
            eid: Its id when the call gives neither `eid` nor `idempotency_key`; default a new one.

        Raises:
            InvalidEvent: Names the property that is wrong, never a value.
        """
        options, named = split(wire)
        named = {**self.settings.default_properties, **named}
        si = to_text("si", named.pop("si", None)) or self.settings.dataset_id
        if self.settings.allowed_datasets and si not in self.settings.allowed_datasets:
            raise InvalidEvent("si: not one of LEADRELAY_ALLOWED_DATASETS")
        own = _own_eid(si or "", named.pop("eid", None), options.pop("idempotency_key", None))
        options |= {"eid": own or eid or new_eid(), "si": si, "default_proxy": self.settings.proxy}
        return Event.create(title, properties=named, **options)

    def in_context(self, title: str | None, wire: Mapping[str, Any]) -> Event:
        """Make an event of an application's call, with what the context knows and the call does not say; as `make`."""
        options, named = completed(*split(wire))
        return self.make(title, {**options, "properties": named})

    def refused(self, wire: Mapping[str, Any], error: Exception) -> Event:
        """Make the event that stands for one that cannot be sent: in the queue it becomes a dead letter, `invalid`.

        Args:
            wire: Options and wire parameters of the call, its title as `ti`.
            error: Why it cannot be sent.
        """
        event = refused(wire, self.settings.dataset_id or "", error)
        logger.error("event %s is invalid and becomes a dead letter: %s", event.eid, event.wire[INVALID])
        return event

    def put(self, events: Sequence[Event]) -> None:
        """Hand events over as the mode says; `live` puts them into the queue, or else into the spool.

        Args:
            events: In order.

        Raises:
            NotAccepted: These events, or later ones of them, are in neither.
        """
        for part in self._parts(events):
            _raise(self._hand(part))

    def accept(self, events: Sequence[Event]) -> bool:
        """Hand events over; waits at most `timeout_ms` for each thousand, and raises only what a signal's handler did.

        Args:
            events: In order.

        Returns:
            Whether they are safe; what is not was counted as lost.
        """
        safe = True
        for part in self._parts(events):
            try:
                interruption = self._hand(part)
            except BaseException as error:
                self._lose(part, error)
                let_through(error)
                if not isinstance(error, Exception):  # Ctrl-C; else the application goes on, whatever it is
                    raise
                safe = False
            else:
                _raise(interruption)
        return safe

    async def aput(self, events: Sequence[Event]) -> None:
        """Do as `put`, from an event loop, which it does not hold up."""
        for part in self._parts(events):
            _raise(await self._ahand(part))

    async def aaccept(self, events: Sequence[Event]) -> bool:
        """Do as `accept`, from an event loop, which it does not hold up."""
        safe = True
        for part in self._parts(events):
            try:
                interruption = await self._ahand(part)
            except Exception as error:  # noqa: BLE001 - as in `accept`; a task that is cancelled ends at once
                self._lose(part, error)
                let_through(error)
                safe = False
            else:
                _raise(interruption)
        return safe

    def hooked(self, events: Sequence[Event]) -> Sequence[Event]:
        """Give the events as the hook leaves them."""
        return [after for event in events if (after := self._hook(event))] if self._hook else events

    def _parts(self, events: Sequence[Event]) -> Iterator[Sequence[Event]]:
        """Give the events as the hook leaves them, in parts that one call takes."""
        return _calls(self.hooked(events))

    def _hand(self, events: Sequence[Event]) -> BaseException | None:
        """Hand over as the mode says; gives what is to be raised now that they are safe."""
        if self.settings.mode == "live":
            return self.handover.put([self.entry(event) for event in events])
        MODES[self.settings.mode](self.settings, events)
        return None

    async def _ahand(self, events: Sequence[Event]) -> BaseException | None:
        """Do as `_hand`, from an event loop."""
        if self.settings.mode == "live":
            return await self.handover.aput([self.entry(event) for event in events])
        import asyncio  # noqa: PLC0415 - other applications need not load it

        await asyncio.to_thread(MODES[self.settings.mode], self.settings, events)
        return None

    def _lose(self, events: Sequence[Event], error: BaseException) -> None:
        why = str(error) if isinstance(error, NotAccepted) else type(error).__name__
        if self._handover:
            self._handover.lose(len(events), why)
        else:
            logger.error("%d events were not sent: %s", len(events), why)

    def warm(self) -> None:
        """Load and connect beside the caller, before the first event does; for an application that has just forked."""
        if self.settings.mode == "live":
            self.handover.warm()

    def tend(self) -> None:
        """Drain what other processes left in the spool of this home, in the background; for a worker, now and then."""
        if self.settings.mode == "live":
            self.handover.tend()

    def close(self) -> None:
        """Leave; at the end of a process. Takes a second at most."""
        if self._handover:
            self._handover.close()

    def track(self, events: Sequence[Event], *, bulk: bool = False, budget_s: float | None = None) -> list[Receipt]:
        """Enqueue events over `queue`, in chunks that are each accepted whole or not at all: for commands.

        Args:
            events: In order.
            bulk: Behind live events.
            budget_s: Seconds for each chunk; default `timeout_ms`.

        Raises:
            NotAccepted: This chunk and the later ones were not, as far as is known.
        """
        if self.settings.mode == "off":
            return []
        budget = budget_s or self.settings.timeout_ms / 1000
        sender, receipts = self._own_sender(), []
        for chunk in _calls(events):
            entries = [self.entry(event) for event in chunk]
            receipts += sender.enqueue(entries, end=time.monotonic() + budget, bulk=bulk)
        return receipts

    def import_batch(self, entries: list[Entry], batch: Batch, budget_s: float) -> list[Receipt]:
        """Enqueue one batch of an import, behind live events; a repeat of the source's last batch adds nothing.

        Args:
            entries: At most `MOST_AT_ONCE`.
            batch: Its name.
            budget_s: Seconds.

        Raises:
            NotAccepted: As far as is known.
        """
        return self._own_sender().enqueue(entries, end=time.monotonic() + budget_s, bulk=True, batch=batch)

    def _own_sender(self) -> Sender:
        from leadrelay.handover.sender import Sender  # noqa: PLC0415 - loads redis, which the import of leadrelay must not

        if self._sender is None:
            self._sender = Sender(self.queue)
        return self._sender


def _raise(interruption: BaseException | None) -> None:
    if interruption is not None:
        raise interruption


def _own_eid(si: str, eid: Any, key: Any) -> str | None:
    """Give the id that a call chose: its own, or the one that always belongs to the key in this dataset."""
    if key is None:
        return to_text("eid", eid)
    if eid is not None:
        raise InvalidEvent("eid and idempotency_key: pass one of them")
    text = to_text("idempotency_key", key) or ""
    if not text.strip():
        raise InvalidEvent("idempotency_key: empty, so that all such events would be one; pass None for no key")
    return derived_eid(si, text)


def _calls(events: Iterable[Event]) -> Iterator[list[Event]]:
    return batches(events, lambda event: len(event.rendered))
