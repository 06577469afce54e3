"""Tallies: what became of the events accepted in one time, as the scripts count it (``queue/lua/_common.lua``, tell).

Every event is told in the row of the hour in which it was accepted, whenever it is delivered, dies or is dropped. So
each row, and each sum of rows, balances: accepted = on time + late + dead + dropped + waiting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Late latencies are counted in steps of a factor of √2: step k holds 2^(k/2) to 2^((k+1)/2) seconds.
STEPS_PER_DOUBLING = 2

_NUMBERS = ("accepted", "on_time", "late", "dropped", "retried", "doubles", "stale")


@dataclass
class Tally:
    """Counts of events.

    Args:
        accepted: Taken into the queue.
        on_time: Delivered within the limit (`LEADRELAY_ON_TIME_S`).
        late: Delivered after it.
        dropped: By a recorded act of an operator or a policy.
        retried: Attempts that were to be made again (one event may count often).
        doubles: Delivered after an attempt whose result is not known, so that the endpoint may have two.
        stale: Delivered after newer events of the same person.
        late_max_ms: Longest time from acceptance to delivery among the late.
        late_steps: Number of late events by step of latency.
        dead: Dead letters now, by reason.
    """

    accepted: int = 0
    on_time: int = 0
    late: int = 0
    dropped: int = 0
    retried: int = 0
    doubles: int = 0
    stale: int = 0
    late_max_ms: int = 0
    late_steps: Counter[int] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)

    @classmethod
    def parse(cls, text: str) -> Tally:
        """Read counts as the scripts write them, `name=number` with spaces between; unknown names are passed over."""
        found = cls()
        for pair in text.split():
            name, _, number = pair.rpartition("=")
            kind, _, detail = name.partition(":")
            if kind == "dead":
                found.dead[detail] += int(number)
            elif kind == "late" and detail:
                found.late_steps[int(detail)] += int(number)
            elif kind == "late_max":
                found.late_max_ms = int(number)
            elif kind in _NUMBERS:
                setattr(found, kind, int(number))
        return found

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.late_max_ms = max(self.late_max_ms, other.late_max_ms)
        self.late_steps.update(other.late_steps)
        self.dead.update(other.dead)

    @property
    def delivered(self) -> int:
        """Delivered, on time or late."""
        return self.on_time + self.late

    @property
    def dead_total(self) -> int:
        """Dead letters of every reason."""
        return self.dead.total()

    @property
    def waiting(self) -> int:
        """Neither delivered nor dead nor dropped."""
        return self.accepted - self.delivered - self.dead_total - self.dropped

    @property
    def late_median_s(self) -> float | None:
        """Median seconds from acceptance to delivery of the late, from its step of √2; None when none was late."""
        total = self.late_steps.total()
        return self._late_s(total / 2) if total else None

    def latency_s(self, share: float) -> float | None:
        """Give the seconds within which a share of the delivered were; None when those were on time, or none was."""
        late = share * self.delivered - self.on_time
        return self._late_s(late) if late > 0 else None

    def _late_s(self, number: float) -> float:
        """Give the seconds within which so many of the late were delivered."""
        before = 0
        for step, more in sorted(self.late_steps.items()):
            if before + more >= number:
                place = step + (number - before) / more
                return float(min(2 ** (place / STEPS_PER_DOUBLING), self.late_max_ms / 1000))
            before += more
        return self.late_max_ms / 1000


@dataclass(frozen=True)
class HourRow:
    """What became of the events of one title that were accepted in one hour.

    Args:
        hour: Hours since 1970-01-01 00:00 UTC.
        dataset: Dataset id, ``""`` for what is not an event or lies beyond the rows of an hour.
        title: As `label.shown_title` gives it, `OTHER` for titles beyond the rows of an hour.
        tally: The counts.
    """

    hour: int
    dataset: str
    title: str
    tally: Tally


#: Title of what lies beyond the rows that one hour may have.
OTHER = "(other titles)"
#: Title of what has none: messages that are not events.
NONE = "(none)"


def total(tallies: Iterable[Tally]) -> Tally:
    """Sum tallies."""
    summed = Tally()
    for tally in tallies:
        summed.add(tally)
    return summed
