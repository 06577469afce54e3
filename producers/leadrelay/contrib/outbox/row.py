"""What the table holds of an event, and the queue's entry of it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.entry import Entry
from leadrelay.ids import derived_eid
from leadrelay.label import shown_dataset, shown_title
from leadrelay.lane import scope_of
from leadrelay.queue.message import wire_of
from leadrelay.trackapi.answers import is_event_id

if TYPE_CHECKING:
    from collections.abc import Iterable

_LANE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One committed row.

    Args:
        id: Its place in the order of writing.
        eid: Event id.
        lane: Key of its serial order, ``""`` for none.
        payload: What the queue will keep: a JSON object of wire parameters.
    """

    id: int
    eid: str
    lane: str
    payload: str

    def entry(self, source: str) -> Entry:
        """Give it as the queue takes it.

        A row that is no event (another hand wrote it) goes too, so that it does not stop the others: it becomes a dead
        letter, `malformed`.

        Args:
            source: Names the outbox; with the row's id it makes the event id of a row whose own cannot be used.
        """
        payload = self.payload.encode()
        eid = self.eid if is_event_id(self.eid) else derived_eid("outbox", source, str(self.id))
        wire = wire_of(payload)
        if wire is None:
            return Entry(eid, "", scope_of({}), payload)
        lane = self.lane if _LANE.fullmatch(self.lane) else ""
        return Entry(eid, lane, scope_of(wire), payload, shown_dataset(wire["si"]), shown_title(wire.get("ti", "")))


@dataclass(frozen=True, slots=True)
class Noted:
    """A batch that is noted in the database before it is sent; false when it is empty.

    Args:
        digest: Names it for the queue.
        ids: Of its rows, in order.
    """

    digest: str = ""
    ids: tuple[int, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[tuple[int, str]]) -> Noted:
        """Note rows, given as (id, eid)."""
        taken = tuple(rows)
        if not taken:
            return cls()
        text = "\n".join(f"{number} {eid}" for number, eid in taken)
        return cls(hashlib.blake2b(text.encode(), digest_size=16).hexdigest(), tuple(number for number, _ in taken))

    @classmethod
    def read(cls, text: str) -> Noted:
        """Read what `text` gave."""
        if not text:
            return cls()
        digest, ids = json.loads(text)
        return cls(digest, tuple(ids))

    def text(self) -> str:
        """Give it as the database keeps it."""
        return json.dumps([self.digest, self.ids], separators=(",", ":")) if self.ids else ""

    def __bool__(self) -> bool:
        """Whether it holds a row."""
        return bool(self.ids)
