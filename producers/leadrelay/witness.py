"""The witness: how far the broker had come, remembered outside it.

Counters roll back with the data that they count. This file does not: when a broker comes back with a lower
position than was seen before (a cut append-only file, a failover, FLUSHALL), `verify` says so.
"""

from __future__ import annotations

import json
import logging
import os
import time
from threading import RLock
from typing import TYPE_CHECKING, Any

from leadrelay.home import ensure, locked

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

#: Seconds between writes: what a killed process saw later than its last write is not remembered.
WRITE_INTERVAL_S = 1.0
#: Seconds for which the end of a process waits for another one that writes.
_FLUSH_S = 0.2
#: Rewinds kept, newest last.
_REWINDS_KEPT = 100

Position = tuple[int, int, int]


class Witness:
    """The highest (epoch, seq, at in ms of this machine's clock) that this home has seen of one namespace.

    Args:
        home: Its folder.
        label: Names the broker and namespace; one file for each.
    """

    def __init__(self, home: Path, label: str) -> None:
        """See the class."""
        self._path = home / f"witness-{label}.json"
        self._lock = RLock()
        self._written_at = 0.0
        self._dirty = False
        stored = self._read()
        self._highest: Position = tuple(stored["highest"])
        self._new_rewinds: list[dict[str, int]] = []

    def highest(self) -> Position:
        """Give the highest position seen; (0, 0, 0) when none."""
        return self._highest

    def observe(self, epoch: int, seq: int, before: Position, *, new: int = 0) -> None:
        """Note a reply of the broker; never raises.

        Args:
            epoch: Its epoch.
            seq: Its sequence number, or that of an event just accepted (`new`).
            before: What was known when the call was sent: a position below it is a rewind. (What is known when the
                reply is read may have come from a later call of another thread.)
            new: How many numbers up to this one were just given: what counts is where the broker stood before them.
        """
        now = int(time.time() * 1000)
        with self._lock:
            if _rewound(before, epoch, seq - new):
                self._new_rewinds.append(
                    {
                        "seen_epoch": before[0],
                        "seen_seq": before[1],
                        "seen_ms": before[2],
                        "epoch": epoch,
                        "seq": seq - new,
                        "at_ms": now,
                    }
                )
                self._highest = (epoch, seq, now)
            elif (epoch, seq) > self._highest[:2]:
                self._highest = (epoch, seq, now)
            else:
                return
            self._dirty = True
            if self._new_rewinds or time.monotonic() - self._written_at >= WRITE_INTERVAL_S:
                self._write()

    def flush(self) -> None:
        """Write what is not written yet; at the end of a process."""
        end = time.monotonic() + _FLUSH_S
        with self._lock:
            while self._dirty and not self._write() and time.monotonic() < end:
                time.sleep(0.01)

    def rewinds(self) -> list[dict[str, int]]:
        """Give the recorded rewinds, oldest first."""
        return list(self._read()["rewinds"])

    def stored(self) -> Position:
        """Give the highest position in the file, over all processes of this home."""
        return tuple(self._read()["highest"])

    def forget(self) -> None:
        """Accept the broker's present state: remove what was remembered."""
        with self._lock:
            self._path.unlink(missing_ok=True)
            self._highest, self._dirty, self._new_rewinds = (0, 0, 0), False, []

    def _write(self) -> bool:
        """Write, unless another process does, or was stopped while it did; gives False then."""
        self._written_at = time.monotonic()
        try:
            ensure(self._path.parent)
            with locked(self._path.with_suffix(".lock"), wait=False) as alone:
                if not alone:
                    return False
                stored = self._read()
                new = [_as_others_saw(rewind, stored["highest"]) for rewind in self._new_rewinds]
                rewinds = [*stored["rewinds"], *new][-_REWINDS_KEPT:]
                highest = self._highest if self._new_rewinds else max(self._highest, tuple(stored["highest"]))
                temporary = self._path.with_suffix(f".{os.getpid()}")
                temporary.write_text(json.dumps({"highest": highest, "rewinds": rewinds}), "utf-8")
                temporary.replace(self._path)
        except OSError as error:
            logger.warning("the witness cannot be written (%s): a loss by the broker may go unnoticed", error.strerror)
            return True
        self._dirty = False
        self._new_rewinds = []
        return True

    def _read(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_text("utf-8"))
            return {"highest": [int(part) for part in stored["highest"]], "rewinds": list(stored["rewinds"])}
        except (OSError, ValueError, KeyError, TypeError):
            return {"highest": [0, 0, 0], "rewinds": []}


def _rewound(known: Position, epoch: int, seq: int) -> bool:
    return known[1] > 0 if epoch != known[0] else seq < known[1]


def _as_others_saw(rewind: dict[str, int], highest: list[int]) -> dict[str, int]:
    """Let a rewind begin where another process of this home saw the broker last, if that is further."""
    epoch, seq, _ = highest
    further = epoch == rewind["seen_epoch"] and seq > rewind["seen_seq"]
    return {**rewind, "seen_seq": seq} if further else rewind
