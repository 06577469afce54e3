"""Dead letters: events that cannot be delivered, kept with their reason until someone decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.queue import scripts
from leadrelay.queue.core import MOST_AT_ONCE
from leadrelay.queue.message import Message, UnreadableMessageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leadrelay.queue.core import Queue
    from leadrelay.queue.message import Entry


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that is not sent any more.

    Args:
        message: As it was last in flight.
        reason: ``rejected``, ``refused``, ``expired``, ``poison``, ``malformed``, ``unreadable`` …
        died_ms: Broker time.
    """

    message: Message
    reason: str
    died_ms: int


class DeadLetters:
    """The dead letters of a queue."""

    def __init__(self, queue: Queue) -> None:
        """Act on `queue`."""
        self._queue = queue

    def select(
        self,
        limit: int | None = None,
        *,
        reason: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> Iterator[DeadLetter]:
        """Yield dead letters, oldest first, read in batches.

        Args:
            limit: Most to yield, None for all.
            reason: Only those that died of it.
            since_ms: Only those that died at or after this broker time.
            until_ms: Only those that died before it.
        """
        found = 0
        for seqs in self._pages(since_ms, until_ms):
            for letter in self._read(seqs):
                if reason is not None and letter.reason != reason:
                    continue
                if found == limit:
                    return
                found += 1
                yield letter

    def show(self, seq_or_eid: str) -> DeadLetter | None:
        """Find one by its sequence number or its eid; None when there is none."""
        if seq_or_eid.isdigit():
            for letter in self._read([seq_or_eid]):
                return letter
        return next((letter for letter in self.select() if letter.message.eid == seq_or_eid), None)

    def replay(self, seqs: Sequence[int], by: str) -> int:
        """Put dead letters back into the queue; gives how many. Raises BrokerFull, BrokerUnavailable."""
        return sum(int(self._queue.run("replay", by, *part)) for part in _parts(seqs))

    def drop(self, seqs: Sequence[int], by: str, reason: str) -> int:
        """Drop dead letters for good; gives how many."""
        return sum(int(self._queue.run("drop", by, reason, *part)) for part in _parts(seqs))

    def edit(self, seq: int, revision: int, entry: Entry, by: str) -> int:
        """Give one new content under the same eid; gives the new revision.

        Raises:
            LookupError: There is no such dead letter, or someone else edited it first.
        """
        new = int(self._queue.run("edit", by, seq, revision, entry.lane or "-", entry.scope, entry.payload))
        if new < 1:
            message = f"dead letter {seq} " + ("was edited by someone else" if new else "does not exist")
            raise LookupError(message)
        return new

    def prune(self, *, older_than_s: float, keep: int, reason: str, limit: int = MOST_AT_ONCE) -> int:
        """Drop the oldest beyond an age or a number; gives how many (call again until 0)."""
        return int(self._queue.run("prune", reason, int(older_than_s * 1000), keep, limit))

    def _pages(self, since_ms: int | None, until_ms: int | None) -> Iterator[list[bytes]]:
        low: str | int = since_ms if since_ms is not None else "-inf"
        high = f"({until_ms}" if until_ms is not None else "+inf"
        offset = 0
        while True:
            page = self._call(
                "zrangebyscore", self._queue.keys.name("dead_at"), low, high, start=offset, num=MOST_AT_ONCE
            )
            if not page:
                return
            offset += len(page)
            yield page

    def _read(self, seqs: Sequence[Any]) -> Iterator[DeadLetter]:
        for record in self._call("hmget", self._queue.keys.name("dead"), list(seqs)):
            if record is not None:
                yield parse_dead(record)

    def _call(self, command: str, *args: Any, **options: Any) -> Any:
        try:
            return getattr(self._queue.client, command)(*args, **options)
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error


def parse_dead(record: bytes) -> DeadLetter:
    """Read a record of the ``dead`` hash: "<died ms> <reason>", a line break, the message.

    Raises:
        UnreadableMessageError: It is not one.
    """
    head, _, raw = record.partition(b"\n")
    died, _, reason = head.decode("utf-8", "replace").partition(" ")
    if not died.isdigit():
        raise UnreadableMessageError
    return DeadLetter(Message.parse(raw), reason, int(died))


def _parts(seqs: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(seqs), MOST_AT_ONCE):
        yield seqs[start : start + MOST_AT_ONCE]
