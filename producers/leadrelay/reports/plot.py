"""The plot of a report: stacked bars over time, as SVG, coloured by the classes of the page's style sheet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from leadrelay.reports.report import Report
    from leadrelay.tally import Tally


@dataclass(frozen=True, slots=True)
class Part:
    """One colour of the bars: its class in the style sheet, its name, how many events it stands for."""

    css: str
    name: str
    value: Callable[[Tally], int]


#: From the bottom to the top; together they are what was accepted.
PARTS: tuple[Part, ...] = (
    Part("on-time", "on time", lambda tally: tally.on_time),
    Part("late", "late", lambda tally: tally.late),
    Part("waiting", "waiting", lambda tally: tally.waiting),
    Part("dead", "dead", lambda tally: tally.dead_total),
    Part("dropped", "dropped", lambda tally: tally.dropped),
)

_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 12, 8, 40
_SIZE_OF_LABEL = 90


def plot(report: Report, width: int, height: int = 280) -> str:
    """Draw what became of the events of each hour or day.

    Args:
        report: With its bins.
        width: In units of the drawing, which scales to the page.
        height: Likewise.
    """
    highest = _ceiling(max((tally.accepted for _, tally in report.bins), default=0))
    bottom = height - _BOTTOM
    step = (width - _LEFT - _RIGHT) / max(1, len(report.bins))

    def y(value: float) -> float:
        return bottom - (bottom - _TOP) * value / highest

    body = [*_grid(highest, width, y), *_bars(report.bins, step, y), *_times(report, step, bottom)]
    unit = "hour" if report.bin_hours == 1 else "day"
    name = f"Events by {unit} of acceptance (UTC), by what became of them"
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{name}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(body)}</svg>"
    )


def _ceiling(value: int) -> int:
    """Give a round number from there on, of which each quarter is round too."""
    size = 1
    while True:
        for factor in (4, 8, 12, 16, 20):
            if value <= factor * size:
                return factor * size
        size *= 10


def _grid(highest: int, width: int, y: Callable[[float], float]) -> Iterator[str]:
    for quarter in range(5):
        value = highest * quarter / 4
        yield f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        yield f'<text class="y" x="{_LEFT - 6}" y="{y(value) + 4:.1f}">{_short(value)}</text>'


def _short(value: float) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _bars(bins: Sequence[tuple[datetime, Tally]], step: float, y: Callable[[float], float]) -> Iterator[str]:
    gap = min(2.0, step * 0.15)
    for number, (start, tally) in enumerate(bins):
        if not tally.accepted:
            continue
        told = ", ".join(f"{part.name} {part.value(tally):,}" for part in PARTS if part.value(tally))
        yield f"<g><title>{start:%Y-%m-%d %H:%M} UTC: accepted {tally.accepted:,}: {told}</title>"
        below = 0
        for part in PARTS:
            value = max(0, part.value(tally))
            if value:
                x, top, high = _LEFT + number * step + gap / 2, y(below + value), y(below) - y(below + value)
                place = f'x="{x:.2f}" y="{top:.2f}" width="{step - gap:.2f}" height="{high:.2f}"'
                yield f'<rect class="{part.css}" {place}/>'
            below += value
        yield "</g>"


def _times(report: Report, step: float, bottom: int) -> Iterator[str]:
    """Label whole steps of time: 1, 2, 3, 6, 12 hours, or days, so that the labels do not touch."""
    room = max(1.0, _SIZE_OF_LABEL / step) * report.bin_hours
    every = next((hours for hours in (1, 2, 3, 6, 12, 24, 48, 96, 168, 336) if hours >= room), 720)
    for number, (start, _) in enumerate(report.bins):
        hour = int(start.timestamp()) // 3600
        if hour % every == 0:
            x = _LEFT + number * step
            yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}"/>'
            yield f'<text class="x" x="{x:.1f}" y="{bottom + 18}">{_label(start, every)}</text>'
            if every < 24 and (start.hour == 0 or number < every):  # noqa: PLR2004 - the day, under its first label
                yield f'<text class="x day" x="{x:.1f}" y="{bottom + 32}">{start:%Y-%m-%d}</text>'


def _label(start: datetime, every: int) -> str:
    return f"{start:%m-%d}" if timedelta(hours=every) >= timedelta(days=1) else f"{start:%H:%M}"
