"""The client: from an event to its place in the queue."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from leadrelay.errors import BrokerUnavailable, EnqueueTooLate, InvalidEvent
from leadrelay.event import Event, split
from leadrelay.failpoints import failpoint
from leadrelay.ids import derived_eid, new_eid
from leadrelay.label import shown_dataset, shown_title
from leadrelay.queue.core import MOST_AT_ONCE
from leadrelay.queue.message import Entry
from leadrelay.queue.scripts import translate
from leadrelay.trackapi.values import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from leadrelay.queue.core import Batch, Queue, Receipt
    from leadrelay.settings import Settings

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
        si = to_text("si", named.pop("si", None)) or self.settings.dataset_id
        own = _own_eid(si or "", named.pop("eid", None), options.pop("idempotency_key", None))
        options |= {"eid": own or eid or new_eid(), "si": si, "default_proxy": self.settings.proxy}
        return Event.create(title, properties=named, **options)

    def track(self, events: list[Event], *, bulk: bool = False, budget_s: float | None = None) -> list[Receipt]:
        """Enqueue events, in chunks that are each accepted whole or not at all.

        Args:
            events: In order.
            bulk: Behind live events.
            budget_s: Seconds for each chunk; default `timeout_ms`.

        Raises:
            NotAccepted: This chunk and the later ones were not, as far as is known.
        """
        entries = [self.entry(event) for event in events]
        if self.settings.mode == "off":
            return []
        budget = budget_s or self.settings.timeout_ms / 1000
        return [receipt for chunk in chunks(entries) for receipt in self._enqueue(chunk, bulk=bulk, budget=budget)]

    def import_batch(self, entries: list[Entry], batch: Batch, budget_s: float) -> list[Receipt]:
        """Enqueue one batch of an import, behind live events; a repeat of the source's last batch adds nothing.

        Args:
            entries: At most `MOST_AT_ONCE`.
            batch: Its name.
            budget_s: Seconds.

        Raises:
            NotAccepted: As far as is known.
        """
        return self._enqueue(entries, bulk=True, budget=budget_s, batch=batch)

    def _enqueue(self, chunk: list[Entry], *, bulk: bool, budget: float, batch: Batch | None = None) -> list[Receipt]:
        """Try twice inside the budget; the eids make the second try safe after a lost reply."""
        end = time.monotonic() + budget
        failpoint("enqueue.before")
        try:
            receipts = self._once(chunk, bulk=bulk, end=end, batch=batch)
        except (BrokerUnavailable, EnqueueTooLate):
            self._clock_offset = None
            if time.monotonic() >= end:
                raise
            receipts = self._once(chunk, bulk=bulk, end=end, batch=batch)
        failpoint("enqueue.after")
        return receipts

    def _once(self, chunk: list[Entry], *, bulk: bool, end: float, batch: Batch | None) -> list[Receipt]:
        """Enqueue with a deadline by broker time, so that a call we gave up cannot execute later."""
        offset = self._offset()
        deadline = int((end + offset) * 1000)
        return self.queue.enqueue(chunk, bulk=bulk, deadline_ms=deadline, batch=batch)

    def _offset(self) -> float:
        """Seconds from this process's monotonic clock to broker time, rather too few than too many."""
        if self._clock_offset is None:
            try:
                seconds, micros = self.queue.client.time()
            except RedisError as error:
                raise translate(error) from error
            self._clock_offset = seconds + micros / 1e6 - time.monotonic()
        return self._clock_offset


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
