"""One canonical line per attempt, in logfmt, written in batches: a line costs a write only once in many."""

from __future__ import annotations

import sys
import time
from threading import Lock

#: Lines and seconds after which waiting lines are written.
MOST_LINES = 200
INTERVAL_S = 0.25


class LineLog:
    """Collects lines and writes them together to standard error."""

    def __init__(self) -> None:
        """Start empty."""
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
            sys.stderr.write("\n".join(lines) + "\n")
            sys.stderr.flush()


attempts = LineLog()
