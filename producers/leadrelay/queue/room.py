"""How much room the broker has, and for how long it lasts. Pure."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Bytes of one waiting event, rather too many: 242 to 486 were measured (ADR 0002), with a payload of 180.
EVENT_BYTES = 600
#: Share of its memory above which a broker refuses new events: what is in the queue needs room to move.
WATERMARK = 0.9
#: Seconds (30 days) beyond which no end is in sight.
LONGEST_S = 30 * 86_400.0
#: ms back to the sample from which growth is taken.
_GROWTH_MS = 300_000


def limit_bytes(memory: Mapping[str, Any]) -> int:
    """Give what the broker may use by INFO memory: its limit, else its machine's memory; 0 when neither is told."""
    return int(memory.get("maxmemory") or memory.get("total_system_memory") or 0)


class Counted(Protocol):
    """Counters at one moment: the books, or a sample of them."""

    @property
    def accepted(self) -> int:
        """Events accepted."""

    @property
    def delivered(self) -> int:
        """Events delivered."""

    @property
    def dropped(self) -> int:
        """Events dropped."""


class Dated(Counted, Protocol):
    """Counters with their time."""

    @property
    def at_ms(self) -> int:
        """Broker time."""


def growth_per_s(before: Counted, after: Counted, ms: int, *, delivering: bool = True) -> float:
    """Give by how many events a second the queue grew between two looks.

    Args:
        before: The earlier look.
        after: The later one.
        ms: Between them; 0 gives no growth.
        delivering: Less what was delivered and dropped; False: as if nothing had been.
    """
    gone = after.delivered + after.dropped - before.delivered - before.dropped
    grown = after.accepted - before.accepted - (gone if delivering else 0)
    return grown * 1000 / max(1, ms)


def left_bytes(limit: int, used: int) -> float:
    """Give the bytes below the watermark: infinite without a limit, none or less when new events are refused."""
    return limit * WATERMARK - used if limit else inf


def headroom_s(left: float, growth: float) -> float:
    """Give the seconds until new events are refused, infinite when the queue does not grow.

    Args:
        left: Bytes (`left_bytes`).
        growth: Events a second (`growth_per_s`).
    """
    if left <= 0:
        return 0.0
    return left / (growth * EVENT_BYTES) if growth > 0 else inf


def headroom_of(before: Sequence[Dated], now: Dated, memory: Mapping[str, Any]) -> float | None:
    """Give the seconds until the broker is full, as it grew lately; None without an end in sight.

    Args:
        before: Earlier samples, the oldest first.
        now: The present one.
        memory: INFO memory.
    """
    left = left_bytes(limit_bytes(memory), memory["used_memory"])
    latest = before[-1] if before else now  # without workers none is taken, and it is then that a queue grows
    first = next((sample for sample in before if now.at_ms - sample.at_ms <= _GROWTH_MS), latest)
    seconds = headroom_s(left, growth_per_s(first, now, now.at_ms - first.at_ms))
    return None if seconds > LONGEST_S else round(seconds, 1)
