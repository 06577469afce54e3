"""The report's rows: one for each hour of acceptance, dataset and title, in the hash ``hours``.

A field is ``<hour> <label>``, its text the counts, then the dataset and the title on lines of their own. Next to them
stand ``<hour>`` (its number of rows; beyond 100 they go to ``<hour> ~``) and ``on_time_ms`` (the limit).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.queue import scripts
from leadrelay.tally import NONE, OTHER, HourRow, Tally

if TYPE_CHECKING:
    from leadrelay.queue.core import Queue

#: ms from acceptance to delivery that count as on time until a worker says otherwise; as in ``settle.lua``.
ON_TIME_MS = 60_000
HOUR_MS = 3_600_000
_CHUNK = 1000


@dataclass(frozen=True)
class Hours:
    """The rows of a period, and the limit by which events are on time.

    Args:
        rows: In order of time.
        on_time_ms: From acceptance to delivery; what counted with another limit before stays as it was counted.
    """

    rows: tuple[HourRow, ...]
    on_time_ms: int


def read_hours(queue: Queue, since_hour: int, until_hour: int) -> Hours:
    """Read the rows of `since_hour` up to before `until_hour`, in hours since 1970; errors as `scripts.run`."""
    rows, on_time = [], ON_TIME_MS
    try:
        field: Any
        text: Any
        for field, text in queue.client.hscan_iter(queue.keys.name("hours"), count=_CHUNK):
            hour, _, label = field.decode().partition(" ")
            if hour == "on_time_ms":
                on_time = int(text)
            elif label and since_hour <= int(hour) < until_hour:
                rows.append(_row(int(hour), label, text.decode("utf-8", "replace")))
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error
    rows.sort(key=lambda row: (row.hour, row.dataset, row.title))
    return Hours(tuple(rows), on_time)


def names_of(queue: Queue, accepted_ms: int, label: str) -> tuple[str, str] | None:
    """Give the dataset and the title under which an event was counted; None when its hour is not kept any more."""
    hour = accepted_ms // HOUR_MS
    try:
        text: Any = queue.client.hget(queue.keys.name("hours"), f"{hour} {label}")
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error
    if text is None:
        return None
    row = _row(hour, label, text.decode("utf-8", "replace"))
    return row.dataset, row.title


def keep_hours(queue: Queue, *, on_time_s: float, days: float) -> int:
    """Set the limit of on time, and forget the hours that are older than `days`; gives how many rows.

    Raises:
        BrokerUnavailable: Call again; what was done stays.
    """
    cursor, forgotten = "0", 0
    while True:
        reply = queue.run("hours", int(on_time_s * 1000), int(days * 24), cursor)
        cursor, forgotten = reply[0].decode(), forgotten + int(reply[1])
        if cursor == "0":
            return forgotten


def _row(hour: int, label: str, text: str) -> HourRow:
    counts, dataset, title = text.split("\n", 2)
    return HourRow(hour, dataset, OTHER if label == "~" else title or NONE, Tally.parse(counts))
