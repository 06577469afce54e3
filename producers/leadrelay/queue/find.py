"""Finding one event in the queue: where it is, and what it waits for.

There is no index by eid: it would cost every event, and one is looked for rarely. What is small is read whole, sorted
sets are searched by the broker, and the lists and the dead are read in chunks, up to a bound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.queue import scripts
from leadrelay.queue.message import Message, NewerMessageError, UnreadableMessageError, beginning_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leadrelay.queue.core import Queue

#: Messages read per command.
_CHUNK = 1000
#: Messages that a search reads at most, unless told otherwise: about ten seconds.
MOST_READ = 2_000_000
#: The header holds the eid; no need to look into payloads.
_HEADER_BYTES = 256
#: Characters that mean something to the broker's matching.
_GLOB = re.compile(r"[*?\[\]\\^]")
_LITERAL = r"\\\g<0>"
_LISTS = ("suspects", "returning", "ready", "bulk")


@dataclass(frozen=True, slots=True)
class Found:
    """Where an event is.

    Args:
        state: ``ready``, ``scheduled``, ``held``, ``in_flight`` or ``dead``.
        message: The message.
        place: Of a ready one its list; of a held one ``lane`` or ``dataset``, what it is held behind.
        ahead: Of a ready one the number before it in its list, of a held one those before it in its lane or dataset.
        due_ms: Of a scheduled one, when it is attempted next.
        worker: Of one in flight, who holds it.
        reason: Of a dead one, why.
        died_ms: Of a dead one, when.
    """

    state: str
    message: Message
    place: str = ""
    ahead: int | None = None
    due_ms: int | None = None
    worker: str = ""
    reason: str = ""
    died_ms: int | None = None


class Search:
    """One search.

    Args:
        queue: Where.
        eid: What for.
        most: Messages read at most.
        progress: Called with the number read, now and then.
    """

    def __init__(
        self, queue: Queue, eid: str, most: int = MOST_READ, progress: Callable[[int], None] = lambda _: None
    ) -> None:
        """See the class."""
        self._queue, self.eid, self._most, self._progress = queue, eid, most, progress
        self._needle = f" {eid} ".encode()
        self.read = 0
        self.seq: int | None = None

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return self.read < self._most

    def run(self) -> Found | None:
        """Search once; what moved back meanwhile, to a place already read, may be missed, and found by another run.

        Raises:
            BrokerUnavailable: As `scripts.run`.
        """
        self.read = 0
        try:
            self.seq = self._recent()
            return self._everywhere()
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error

    def _recent(self) -> int | None:
        for key in ("recent", "recent_old"):
            seq = self._queue.client.hget(self._name(key), self.eid)
            if seq is not None:
                return int(seq)
        return None

    def _everywhere(self) -> Found | None:
        """Search along the way that events take, so that one that moves on is met later; what is small goes first."""
        steps = (
            self._flight, self._dead_by_seq, *(lambda name=name: self._list(name) for name in _LISTS),
            self._scheduled, self._held, self._flight, self._dead,
        )  # fmt: skip
        return next((found for step in steps if (found := step()) is not None), None)

    def _flight(self) -> Found | None:
        for field, raw in self._counted(self._queue.client.hscan_iter(self._name("flight"), count=_CHUNK)):
            message = self._match(raw)
            if message:
                return Found("in_flight", message, worker=field.decode().rpartition(":")[0])
        return None

    def _dead_by_seq(self) -> Found | None:
        record = self._queue.client.hget(self._name("dead"), str(self.seq)) if self.seq else None
        return self._letter(record) if record else None

    def _dead(self) -> Found | None:
        records = self._counted(self._queue.client.hscan_iter(self._name("dead"), count=_CHUNK))
        return next((found for _, record in records if (found := self._letter(record)) is not None), None)

    def _letter(self, record: Any) -> Found | None:
        if self._needle not in record[: 2 * _HEADER_BYTES]:
            return None
        head, _, raw = record.partition(b"\n")
        died, _, reason = head.decode("utf-8", "replace").partition(" ")
        message = self._match(raw)
        return Found("dead", message, reason=reason, died_ms=int(died)) if message and died.isdecimal() else None

    def _list(self, name: str) -> Found | None:
        """Read a list from its new end: what is pushed meanwhile shifts it towards us, so none is passed over."""
        key, start = self._name(name), 0
        while self.complete:
            chunk: Any = self._queue.client.lrange(key, start, start + _CHUNK - 1)
            for place, raw in enumerate(chunk, start):
                message = self._match(raw)
                if message:
                    ahead = int(self._queue.client.llen(key)) - place - 1
                    return Found("ready", message, place=name, ahead=max(0, ahead))
            self._count(len(chunk))
            if len(chunk) < _CHUNK:
                return None
            start += _CHUNK
        return None

    def _scheduled(self) -> Found | None:
        for raw, due in self._in_sorted_set("scheduled"):
            message = self._match(raw)
            if message:
                return Found("scheduled", message, due_ms=int(due) - int(self._set_back()))
        return None

    def _set_back(self) -> Any:
        return self._queue.client.hget(self._name("ledger"), "set_back") or 0

    def _held(self) -> Found | None:
        for member, _ in self._in_sorted_set("held"):
            run, _, raw = member.split(b"|", 2)
            message = self._match(raw)
            if message:
                key = self._name("held")
                ahead = self._queue.client.zlexcount(key, b"[" + run + b"|", b"(" + member)
                return Found("held", message, place="dataset" if run.startswith(b"!") else "lane", ahead=int(ahead))
        return None

    def _in_sorted_set(self, name: str) -> Iterator[tuple[bytes, float]]:
        """Let the broker search; its own word for the number that it read is the length."""
        pattern = f"* {_GLOB.sub(_LITERAL, self.eid)} *"
        yield from self._queue.client.zscan_iter(self._name(name), match=pattern, count=_CHUNK)
        self._count(int(self._queue.client.zcard(self._name(name))))

    def _counted(self, pairs: Iterator[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
        for number, pair in enumerate(pairs, 1):
            yield pair
            if number % _CHUNK == 0:
                self._count(_CHUNK)
                if not self.complete:
                    return

    def _count(self, number: int) -> None:
        self.read += number
        self._progress(self.read)

    def _match(self, raw: bytes) -> Message | None:
        if raw.find(self._needle, 0, _HEADER_BYTES) < 0:
            return None
        try:
            message: Message | None = Message.parse(raw)
        except NewerMessageError:
            message = beginning_of(raw)
        except UnreadableMessageError:
            return None
        return message if message and message.eid == self.eid else None

    def _name(self, key: str) -> str:
        return self._queue.keys.name(key)
