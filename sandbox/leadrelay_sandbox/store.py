"""What the sandbox has accepted: every eid in order of arrival, the last events whole."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: Whole events kept in memory, newest last; eids and counts are kept for all.
EVENTS_KEPT = 10_000


class Store:
    """Accepted events.

    Args:
        path: JSON lines, one per accepted event, written before the answer goes out, so that a killed sandbox has
            never acknowledged what is not in it. None keeps nothing on disk.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Read what an earlier sandbox stored, if there is any."""
        self.requests = 0
        self.accepted = 0
        self.duplicates = 0
        self._eids: set[str] = set()
        self._events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self._path = path
        self._file: int | None = None
        if path:
            if path.exists():
                with path.open("rb") as lines:
                    for line in lines:
                        self._count(json.loads(line))
            self._open(path)

    def accept(self, eid: str, params: dict[str, str]) -> None:
        """Take one event."""
        event = {"index": self.accepted, "eid": eid, "at_ms": int(time.time() * 1000), "params": params}
        if self._file is not None:
            os.write(self._file, json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        self._count(event)

    def stats(self) -> dict[str, int]:
        """Give the counts of `/_sandbox/stats`."""
        return {
            "requests": self.requests,
            "accepted": self.accepted,
            "unique_eids": len(self._eids),
            "duplicates": self.duplicates,
        }

    def events(self, since: int, limit: int) -> list[dict[str, Any]]:
        """Give kept events with an index of at least `since`, oldest first."""
        found = (event for event in self._events if event["index"] >= since)
        return [event for event, _ in zip(found, range(limit), strict=False)]

    def clear(self) -> None:
        """Forget everything, on disk too."""
        self.requests = self.accepted = self.duplicates = 0
        self._eids.clear()
        self._events.clear()
        if self._path and self._file is not None:
            os.close(self._file)
            self._path.unlink(missing_ok=True)
            self._open(self._path)

    def _open(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _count(self, event: dict[str, Any]) -> None:
        self.accepted += 1
        if event["eid"] in self._eids:
            self.duplicates += 1
        self._eids.add(event["eid"])
        self._events.append(event)
