"""What was lost, counted: in a small file whose room was taken while there was some, so a full disk counts too."""

from __future__ import annotations

import contextlib
import json
import os
import time
from threading import RLock
from typing import TYPE_CHECKING

from leadrelay.home import locked

if TYPE_CHECKING:
    from leadrelay.spool.folder import Folder

_ROOM = 256
#: Bytes that are read of it: more than any version writes.
_MOST = 65_536
_NONE = {"events": 0, "first_ms": 0, "last_ms": 0}


class Lost:
    """Counts lost events of one spool over all processes; a count that cannot be written now is written with the next.

    Args:
        folder: The spool.
    """

    def __init__(self, folder: Folder) -> None:
        """See the class."""
        self._folder = folder
        self._lock = RLock()
        #: Counted by this process and not yet in the file.
        self.pending = 0

    def prepare(self) -> None:
        """Take the room for the file; raises OSError."""
        with self._lock:
            if not self._folder.lost.exists():
                self._write()

    def count(self, events: int) -> None:
        """Count lost events, and those that could not be counted before; never raises."""
        with self._lock:
            self.pending += events
            if self.pending:
                with contextlib.suppress(OSError):
                    self._folder.made_for(self._write)

    def _write(self) -> None:
        with locked(self._folder.lost, wait=False) as mine:
            if not mine:  # another process counts: with the next, or at the end
                return
            handle = self._folder.open(self._folder.lost, os.O_RDWR)
            try:
                self._add(handle)
            finally:
                os.close(handle)

    def _add(self, handle: int) -> None:
        data, pending = os.pread(handle, _MOST, 0), self.pending
        known = _parsed(data)
        if known is None:
            self._folder.set_aside(self._folder.lost, data, "how many events were lost before is not known")
            known = _NONE
        if pending:
            now = int(time.time() * 1000)
            first = known["first_ms"] or now
            known = {"events": known["events"] + pending, "first_ms": first, "last_ms": now}
        os.pwrite(handle, json.dumps(known).encode().ljust(_ROOM), 0)
        os.ftruncate(handle, _ROOM)
        self.pending -= pending  # a signal's handler may have lost more meanwhile


def lost(folder: Folder) -> dict[str, int]:
    """Give how many events were lost, the first and the last one when (ms, 0 for none)."""
    try:
        return _parsed(folder.lost.read_bytes()) or _NONE
    except OSError:
        return _NONE


def _parsed(data: bytes) -> dict[str, int] | None:
    """Read the file; None when it is damaged. One that was just made is empty."""
    if not data:
        return _NONE
    try:
        stored = json.loads(data)
        known = {name: int(stored[name]) for name in _NONE}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return known if min(known.values()) >= 0 else None
