"""What waits in this home's spool, counted beside the scrapes: a large spool takes longer than a scrape waits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from threading import Lock, Thread
from typing import TYPE_CHECKING

from leadrelay.spool.folder import Folder
from leadrelay.spool.summary import summary

if TYPE_CHECKING:
    from leadrelay.settings import Settings

#: As `status --json` has it under ``spool``.
Spool = Mapping[str, float | None]

#: Seconds for which a count stands.
FRESH_S = 5.0
#: A count that took long stands so many times as long, so that counting takes a twentieth of a core at most.
REST = 20
#: Seconds that a scrape waits for a count that is under way; then it tells the one before.
WAIT_S = 1.0


class Spooled:
    """Counts one spool.

    Args:
        settings: Of the home, the broker and the namespace.
    """

    def __init__(self, settings: Settings) -> None:
        """See the class."""
        self._folder = Folder(settings.home, settings.label())
        self._lock = Lock()
        self._thread: Thread | None = None
        self._known: Spool | None = None
        self._due_at = float("-inf")

    def __call__(self) -> Spool | None:
        """Give what waits, as it was counted last; None before it was, and while the spool cannot be read."""
        with self._lock:
            if self._thread is None and time.monotonic() >= self._due_at:
                self._thread = Thread(target=self._count, name="spool-count", daemon=True)
                self._thread.start()
            thread = self._thread
        if thread:
            thread.join(WAIT_S)
        return self._known

    def _count(self) -> None:
        began = time.monotonic()
        try:
            known = summary(self._folder)
            self._known = {
                "events": known.events, "bytes": known.bytes, "oldest_s": known.oldest_s, "lost": known.lost,
            }  # fmt: skip
        except OSError:
            self._known = None
        now = time.monotonic()
        with self._lock:
            self._due_at = now + max(FRESH_S, REST * (now - began))
            self._thread = None
