"""An entry: an event on its way into the queue, or into the spool when the broker is away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from leadrelay.label import label_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_T = TypeVar("_T")

#: Events in one call: bounds how long one script holds the broker (about 4 ms).
MOST_AT_ONCE = 1000
#: Bytes of payload in one call.
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """An event on its way into the queue.

    Args:
        eid: Event id, 32 hex digits.
        lane: Key of its serial order, ``""`` for none.
        scope: Short hash of its dataset, by which a breaker can hold it.
        payload: UTF-8 JSON object of wire parameters.
        dataset: Dataset id as reports show it (`label.shown_dataset`).
        title: As reports show it (`label.shown_title`).
    """

    eid: str
    lane: str
    scope: str
    payload: bytes
    dataset: str = ""
    title: str = ""

    def arguments(self) -> tuple[str | bytes, ...]:
        """Give what the scripts take for an event: eid, lane, scope, label, names, payload."""
        names = f"{self.dataset}\n{self.title}"
        return self.eid, self.lane or "-", self.scope, label_of(self.dataset, self.title), names, self.payload

    def __repr__(self) -> str:
        """Show no payload."""
        return f"Entry(eid={self.eid!r})"


def batches(things: Iterable[_T], size_of: Callable[[_T], int]) -> Iterator[list[_T]]:
    """Split what is to be sent into calls of at most `MOST_AT_ONCE` events and `MOST_BYTES`.

    Args:
        things: Events, or what stands for one each, in order.
        size_of: Gives the bytes of one's payload.
    """
    batch: list[_T] = []
    size = 0
    for thing in things:
        if batch and (len(batch) == MOST_AT_ONCE or size + size_of(thing) > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(thing)
        size += size_of(thing)
    if batch:
        yield batch
