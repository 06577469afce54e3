"""A report: tallies of a period, in groups and over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from leadrelay.tally import HourRow, Tally, total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

By = Literal["title", "day", "dataset"]

#: Hours of a period up to which it is plotted by the hour; a longer one by the day.
MOST_HOURS_PLOTTED = 8 * 24
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole hours, UTC: from `since` up to before `until`."""

    since: datetime
    until: datetime

    @classmethod
    def covering(cls, since: datetime, until: datetime) -> Period:
        """Give the whole hours that cover a time (at least one)."""
        first = since.replace(minute=0, second=0, microsecond=0)
        last = until.replace(minute=0, second=0, microsecond=0)
        return cls(first, max(first + _HOUR, last + _HOUR if last < until else last))

    @property
    def hours(self) -> range:
        """The hours, counted from 1970."""
        return range(int(self.since.timestamp()) // 3600, int(self.until.timestamp()) // 3600)


@dataclass(frozen=True, slots=True)
class Double:
    """An event that the endpoint may have twice; no content of it."""

    eid: str
    title: str
    accepted: datetime
    delivered: datetime
    attempts: int
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of the events accepted in a period.

    Args:
        period: The hours of acceptance.
        made: When the report was made.
        on_time_s: The limit of on time.
        by: What the groups are, None for none.
        total: All of it.
        groups: Name and tally, the largest first (days in order).
        bins: Start of each hour or day and its tally, without gaps.
        bin_hours: 1 or 24.
        doubles: Possible doubles that the history of this home names.
        kept_since: Hours before it are forgotten.
    """

    period: Period
    made: datetime
    on_time_s: float
    by: By | None
    total: Tally
    groups: tuple[tuple[str, Tally], ...]
    bins: tuple[tuple[datetime, Tally], ...]
    bin_hours: int
    doubles: tuple[Double, ...]
    kept_since: datetime

    @property
    def incomplete(self) -> bool:
        """Whether hours of the period have been forgotten."""
        return self.kept_since > self.period.since


def build(
    rows: Iterable[HourRow],
    period: Period,
    *,
    made: datetime,
    on_time_s: float,
    kept_days: int,
    by: By | None = None,
    doubles: Sequence[Double] = (),
) -> Report:
    """Sum rows into a report.

    Args:
        rows: Of the period.
        period: The hours of acceptance.
        made: Now.
        on_time_s: The limit of on time, in seconds.
        kept_days: Days after which hours are forgotten.
        by: How to group.
        doubles: Possible doubles to list.
    """
    rows = list(rows)
    bin_hours = 1 if len(period.hours) <= MOST_HOURS_PLOTTED else 24
    return Report(
        period=period,
        made=made,
        on_time_s=on_time_s,
        by=by,
        total=total(row.tally for row in rows),
        groups=_groups(rows, by) if by else (),
        bins=_bins(rows, period, bin_hours),
        bin_hours=bin_hours,
        doubles=tuple(doubles),
        kept_since=Period.covering(made - timedelta(days=kept_days), made).since,
    )


def moment_of(hour: int) -> datetime:
    """Give the start of an hour counted from 1970."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def _groups(rows: Iterable[HourRow], by: By) -> tuple[tuple[str, Tally], ...]:
    name: dict[str, Callable[[HourRow], str]] = {
        "title": lambda row: row.title,
        "day": lambda row: moment_of(row.hour).strftime("%Y-%m-%d"),
        "dataset": lambda row: row.dataset or "(none)",
    }
    found: dict[str, Tally] = {}
    for row in rows:
        found.setdefault(name[by](row), Tally()).add(row.tally)
    if by == "day":
        return tuple(sorted(found.items()))
    return tuple(sorted(found.items(), key=lambda pair: (-pair[1].accepted, pair[0])))


def _bins(rows: Iterable[HourRow], period: Period, size: int) -> tuple[tuple[datetime, Tally], ...]:
    first = period.hours.start // size * size
    found = {hour: Tally() for hour in range(first, period.hours.stop, size)}
    for row in rows:
        found[row.hour // size * size].add(row.tally)
    return tuple((moment_of(hour), tally) for hour, tally in found.items())
