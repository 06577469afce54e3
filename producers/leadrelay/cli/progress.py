"""Progress of long work: one line that is redrawn on a terminal, a line now and then in a pipe, on standard error."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from typing import TYPE_CHECKING

import click

from leadrelay.cli.common import span

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two drawings on a terminal, and between two lines in a pipe.
_DRAWN_S = 0.2
_SAID_S = 10.0
#: Drawings over which rates are averaged: 10 s.
_AVERAGED = 50
_WIDEST_BAR = 30
_NARROWEST_BAR = 10


class Progress:
    """The progress of reading one source.

    Args:
        position: Gives the bytes read until now.
        size: Bytes of the source, None when that is not known.
    """

    def __init__(self, position: Callable[[], int], size: int | None) -> None:
        """See the class."""
        self._position, self._size = position, size
        self._terminal = sys.stderr.isatty()
        self._every = _DRAWN_S if self._terminal else _SAID_S
        now = time.monotonic()
        self._samples = deque([(now, 0, 0)], maxlen=_AVERAGED)
        self._next = now + self._every
        self._drawn = 0

    def __call__(self, lines: int) -> None:
        """Tell that so many lines were read; says something when it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._every
            self._draw(now, lines)

    def say(self, text: str) -> None:
        """Print a line on standard error, in place of the drawing."""
        self.clear()
        click.echo(text, err=True)

    def clear(self) -> None:
        """Take the drawing away."""
        if self._drawn:
            click.echo("\r" + " " * self._drawn + "\r", nl=False, err=True)
            self._drawn = 0

    def _draw(self, now: float, lines: int) -> None:
        at = self._position() if self._size else 0
        then, lines_then, at_then = self._samples[0]
        self._samples.append((now, lines, at))
        seconds = max(0.001, now - then)
        share = at / self._size if self._size else None
        pace = (at - at_then) / seconds
        left = (self._size - at) / pace if self._size and pace > 0 else None
        width = shutil.get_terminal_size().columns - 1 if self._terminal else None
        text = line(width, share, lines, (lines - lines_then) / seconds, left)
        if not self._terminal:
            click.echo(text, err=True)
            return
        click.echo("\r" + text + " " * (self._drawn - len(text)), nl=False, err=True)
        self._drawn = len(text)


def line(width: int | None, share: float | None, lines: int, per_s: float, left_s: float | None) -> str:
    """Give the line, the most that fits into `width` characters (None: no bar, no limit).

    Args:
        width: Of the terminal.
        share: How much of the source was read, 0 to 1, None when that is not known.
        lines: Read.
        per_s: Lines a second.
        left_s: Seconds until the end, None when that is not known.
    """
    parts = [f"{lines:,} lines", f"{per_s:,.0f}/s"]
    if share is not None:
        parts.insert(0, f"{min(share, 1):4.0%}")
    if left_s is not None:
        parts.append(f"{span(left_s)} left")
    text = "  ".join(parts)
    bar = min(_WIDEST_BAR, (width or 0) - len(text) - 3)
    while width is not None and len(parts) > 1 and len("  ".join(parts)) > width:
        parts.pop(-2 if len(parts) > 2 else -1)  # noqa: PLR2004 - what says most stays: share and time left
    if share is None or bar < _NARROWEST_BAR:
        return "  ".join(parts)[:width]
    filled = round(min(share, 1) * bar)
    return f"[{'#' * filled}{'.' * (bar - filled)}] {text}"
