"""Looking at a source without importing it: what would be sent, and how old it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from leadrelay.errors import InvalidEvent
from leadrelay.imports.record import UTF_8, RejectedLine
from leadrelay.imports.shape import time_of
from leadrelay.trackapi.forms import USER_AGENT, decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from leadrelay.event import Event
    from leadrelay.imports.record import Record
    from leadrelay.imports.rejects import Rejects
    from leadrelay.imports.shape import Shape

#: Age from which people are told that LeadBoxer will show an event as of the day when it arrives.
OLD = timedelta(days=1)
#: Events that a dry run shows.
_SHOWN = 3


@dataclass
class Ages:
    """The records that are older than `OLD`.

    Args:
        before: A record of an earlier time is old.
        refused: Old ones are rejected.
    """

    before: datetime
    refused: bool = False
    count: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def note(self, at: datetime | None) -> bool:
        """Count a record that happened at a time, and tell whether it is old; raises RejectedLine."""
        if at is None or at >= self.before:
            return False
        if self.refused:
            raise RejectedLine("older than a day")
        self.count += 1
        self.first = min(self.first or at, at)
        self.last = max(self.last or at, at)
        return True


@dataclass
class Checked:
    """What a dry run found: records read and valid ones; the first of these as they would be sent."""

    lines: int = 0
    valid: int = 0
    iso_8859_1: int = 0
    first: list[tuple[Record, Event]] = field(default_factory=list)


def check(
    records: Iterable[Record], shape: Shape, rejects: Rejects, ages: Ages, on_progress: Callable[[int], None]
) -> Checked:
    """Make an event of every record, and throw it away."""
    done = Checked()
    for record in records:
        done.lines += 1
        done.iso_8859_1 += record.charset != UTF_8
        on_progress(done.lines)
        try:
            named = shape.named(record.read())
            times = 1 + sum(shown.key == record.key for shown, _ in done.first)
            event = shape.event(named, shape.id_of(named, record.key, times))
            event.payload()
            ages.note(time_of(named))
        except (RejectedLine, InvalidEvent) as error:
            rejects.add(record, str(error))
            continue
        done.valid += 1
        if len(done.first) < _SHOWN:
            done.first.append((record, event))
    return done


def form_of(event: Event) -> dict[str, str]:
    """Give the form as the worker sends it, decoded, and the User-Agent of its request."""
    shown = dict(decode(encode(event.wire).encode()).pairs)
    if USER_AGENT in event.wire:
        shown["User-Agent (header)"] = event.wire[USER_AGENT]
    return shown
