"""Who did what to how many: recorded by the scripts that act, in the same step; never personal data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.queue import scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadrelay.queue.core import Queue

#: Entries read per command.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Act:
    """One recorded act.

    Args:
        at_ms: Broker time; of the first step, when an act happened in many.
        by: An operator, a worker, or ``leadrelay`` itself.
        act: ``replay``, ``edit``, ``drop``, ``prune``, ``pause``, ``resume`` …
        number: Events that it moved.
        detail: What it was about.
    """

    at_ms: int
    by: str
    act: str
    number: int
    detail: str

    def concerns(self, seq: int) -> bool:
        """Tell whether it names the event with this number; what moved many names none."""
        return (self.act == "edit" and self.detail == str(seq)) or self.detail.partition(":")[0] == of_letter(seq)


def of_letter(seq: int) -> str:
    """Give how an act on one dead letter names it in its detail; a reason follows after a colon."""
    return f"number {seq}"


def read_audit(queue: Queue, since_ms: int = 0) -> Iterator[Act]:
    """Yield the recorded acts, newest first; the oldest of more than 10,000 are gone.

    Args:
        queue: Whose.
        since_ms: Only those at or after this broker time.

    Raises:
        BrokerUnavailable: As `scripts.run`.
    """
    start = 0
    while rows := _rows(queue, start):
        for act in map(_read, rows):
            if act.at_ms < since_ms:
                return
            yield act
        start += len(rows)


def _rows(queue: Queue, start: int) -> list[bytes]:
    try:
        rows: Any = queue.client.lrange(queue.keys.name("audit"), start, start + _CHUNK - 1)
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error
    return list(rows)


def _read(row: bytes) -> Act:
    at, number, by, act, detail = (row.decode("utf-8", "replace").split("\t", 4) + [""] * 4)[:5]
    return Act(int(at), by, act, int(number), detail)
