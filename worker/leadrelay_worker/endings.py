"""How events ended, for the history of this worker's home (`leadrelay.history`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from leadrelay.history import Ended

from leadrelay_worker.logline import LineLog

if TYPE_CHECKING:
    from leadrelay.history import HistoryFiles
    from leadrelay.queue import Message


class Endings:
    """Collects endings from any thread; keeps none until it is attached."""

    def __init__(self) -> None:
        """Start without files."""
        self._lines: LineLog | None = None
        self._worker = ""

    def attach(self, files: HistoryFiles, worker: str) -> None:
        """Write to these files, as this worker."""
        self._lines = LineLog(files.append)
        self._worker = worker

    def add(self, message: Message, outcome: str, reason: str, title: str = "", attempt: str = "") -> None:
        """Note an ending.

        Args:
            message: As it was claimed.
            outcome: ``delivered``, ``dead`` or ``dropped``.
            reason: Of the last attempt, of its death or of its dropping.
            title: As reports may show it.
            attempt: Entry of the attempt just made, if one was.
        """
        if self._lines is None:
            return
        now = int(time.time() * 1000)
        self._lines.write(
            Ended(
                at_ms=now,
                eid=message.eid,
                seq=message.seq,
                title=title,
                scope=message.scope,
                attempts=message.attempts + bool(attempt),
                outcome=outcome,
                reason=reason,
                latency_ms=max(0, now - message.accepted_ms),
                worker=self._worker,
                history=(*message.history, attempt) if message.history else (),
                stale=message.stale,
            ).line()
        )

    def flush(self) -> None:
        """Write what waits."""
        if self._lines is not None:
            self._lines.flush()


endings = Endings()
