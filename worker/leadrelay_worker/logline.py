"""Lines written in batches, so that a line costs a write only once in many: the log of attempts, and the history."""

from __future__ import annotations

import sys
import time
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Lines and seconds after which waiting lines are written.
MOST_LINES = 200
INTERVAL_S = 0.25


class LineLog:
    """Collects lines and writes them together.

    Args:
        sink: Takes whole lines, the last line break included.
    """

    def __init__(self, sink: Callable[[str], None]) -> None:
        """Start empty."""
        self._sink = sink
        self._lines: list[str] = []
        self._lock = Lock()
        self._since = 0.0

    def write(self, line: str) -> None:
        """Add a line."""
        now = time.monotonic()
        with self._lock:
            if not self._lines:
                self._since = now
            self._lines.append(line)
            full = len(self._lines) >= MOST_LINES or now - self._since >= INTERVAL_S
        if full:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            lines, self._lines = self._lines, []
        if lines:
            self._sink("\n".join(lines) + "\n")


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


#: One canonical line per attempt, in logfmt.
attempts = LineLog(_to_stderr)
