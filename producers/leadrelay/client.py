"""`track_event` and `track_many`: from a call in an application to a place in the queue."""

from __future__ import annotations

import atexit
import os
import time
from threading import Lock
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from leadrelay import broker
from leadrelay.errors import BrokerUnavailable, EnqueueTooLate, NotAccepted
from leadrelay.event import Event
from leadrelay.failpoints import failpoint
from leadrelay.ids import derived_eid, new_eid
from leadrelay.queue.core import MOST_AT_ONCE
from leadrelay.queue.message import Entry
from leadrelay.queue.scripts import translate
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from leadrelay.queue.core import Queue, Receipt

#: Bytes of payload in one call.
MOST_BYTES = 1_000_000


class Client:
    """Tracks events into one queue; safe to share between threads.

    Args:
        settings: This process's.
        queue: Its queue; its client's time-outs should fit `settings.timeout_ms`.
    """

    def __init__(self, settings: Settings, queue: Queue) -> None:
        """See the class."""
        self.settings = settings
        self.queue = queue
        self._clock_offset: float | None = None

    def entry(self, event: Event) -> Entry:
        """Render an event for the queue; raises InvalidEvent."""
        lane = event.lane(self.settings.lane_secret) if self.settings.lanes else ""
        return Entry(event.eid, lane, event.scope(), event.payload())

    def make(self, title: str, wire: Mapping[str, Any], eid: str | None = None) -> Event:
        """Make an event of a call's arguments; raises InvalidEvent."""
        named = dict(wire)
        key = named.pop("idempotency_key", None)
        si = named.pop("si", None) or self.settings.dataset_id
        given = named.pop("eid", None) or eid
        derived = derived_eid(str(si), str(key)) if key is not None else None
        return Event.create(title, eid=str(given or derived or new_eid()), si=si, **named)

    def track(self, events: list[Event], *, bulk: bool = False, budget_s: float | None = None) -> list[Receipt]:
        """Enqueue events, in chunks that are each accepted whole or not at all.

        Args:
            events: In order.
            bulk: Behind live events.
            budget_s: Seconds for each chunk; default `timeout_ms`.

        Raises:
            InvalidEvent: Nothing was enqueued.
            NotAccepted: This chunk and the later ones were not, as far as is known.
        """
        entries = [self.entry(event) for event in events]
        if self.settings.mode == "off":
            return []
        budget = budget_s or self.settings.timeout_ms / 1000
        return [receipt for chunk in chunks(entries) for receipt in self._enqueue(chunk, bulk=bulk, budget=budget)]

    def _enqueue(self, chunk: list[Entry], *, bulk: bool, budget: float) -> list[Receipt]:
        """Try twice inside the budget; the eids make the second try safe after a lost reply."""
        end = time.monotonic() + budget
        failpoint("enqueue.before")
        try:
            receipts = self._once(chunk, bulk=bulk, end=end)
        except (BrokerUnavailable, EnqueueTooLate):
            self._clock_offset = None
            if time.monotonic() >= end:
                raise
            receipts = self._once(chunk, bulk=bulk, end=end)
        failpoint("enqueue.after")
        return receipts

    def _once(self, chunk: list[Entry], *, bulk: bool, end: float) -> list[Receipt]:
        """Enqueue with a deadline by broker time, so that a call we gave up cannot execute later."""
        offset = self._offset()
        deadline = int((end + offset) * 1000)
        return self.queue.enqueue(chunk, bulk=bulk, deadline_ms=deadline)

    def _offset(self) -> float:
        """Seconds from this process's monotonic clock to broker time, rather too few than too many."""
        if self._clock_offset is None:
            try:
                seconds, micros = self.queue.client.time()
            except RedisError as error:
                raise translate(error) from error
            self._clock_offset = seconds + micros / 1e6 - time.monotonic()
        return self._clock_offset


def chunks(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Split entries into calls of at most `MOST_AT_ONCE` events and `MOST_BYTES`."""
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        if chunk and (len(chunk) == MOST_AT_ONCE or size + len(entry.payload) > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += len(entry.payload)
    if chunk:
        yield chunk


_client: Client | None = None
_client_pid = 0
_lock = Lock()


def client() -> Client:
    """Give this process's client, opened at the first call (a forked child opens its own).

    Raises:
        ConfigurationError, BrokerUnavailable: As `Settings.load` and `broker.url_of`.
    """
    global _client, _client_pid  # noqa: PLW0603 - one per process
    if _client is not None and _client_pid == os.getpid():
        return _client
    with _lock:
        if _client is None or _client_pid != os.getpid():
            settings = Settings.load()
            _client = Client(settings, broker.open_queue(settings, timeout_s=settings.timeout_ms / 1000, start=False))
            _client_pid = os.getpid()
            atexit.register(_flush, _client)
        return _client


def _flush(finished: Client) -> None:
    if finished.queue.witness:
        finished.queue.witness.flush()


def track_event(title: str, /, **wire: Any) -> str:
    """Put one event into the queue, in one round trip, and give its event id.

    Args:
        title: Its name, `ti`.
        wire: Wire parameters under their own names (`userId=`, `email=`, `si=`), or `properties={…}` for names that
            are not identifiers; `idempotency_key=` derives the id, so that a repeat is the same event; `lane=`
            overrides whose order it keeps (False: none); `user_agent=` is the visitor's.

    Returns:
        The event id. From here on the event is delivered, waits, or is a dead letter with its reason.

    Raises:
        InvalidEvent: It cannot be sent as it is; nothing was enqueued.
        NotAccepted: The broker is away, full or too slow; the event is still yours.
    """
    here = client()
    event = here.make(title, wire)
    here.track([event])
    return event.eid


def track_many(events: Iterable[Event | Mapping[str, Any]]) -> list[str]:
    """Put many events into the queue, pipelined, and give their ids in order.

    Args:
        events: Events, or mappings of wire names in which `ti` is the title.

    Raises:
        InvalidEvent: Names the property and the event's position; nothing was enqueued.
        NotAccepted: Not all were accepted; tracking the same events again is safe when they carry their own `eid` or
            `idempotency_key`.
    """
    here = client()
    made = [event if isinstance(event, Event) else _made(here, event) for event in events]
    here.track(made)
    return [event.eid for event in made]


def _made(here: Client, wire: Mapping[str, Any]) -> Event:
    named = dict(wire)
    return here.make(named.pop("ti", ""), named)


__all__ = ["Client", "NotAccepted", "chunks", "client", "track_event", "track_many"]
