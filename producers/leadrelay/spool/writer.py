"""Writing: an event is in the kernel's hands when `append` returns, and survives this process from then on."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from threading import RLock
from typing import TYPE_CHECKING

from leadrelay.errors import SpoolFull
from leadrelay.spool.frame import pack
from leadrelay.spool.journal import take_room
from leadrelay.spool.segment import Segment
from leadrelay.spool.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadrelay.entry import Entry
    from leadrelay.spool.folder import Folder

#: Bytes after which a process begins a new segment, so that drained ones give their room back.
SEGMENT_BYTES = 8_000_000
#: Seconds between two looks at how much all processes wrote.
_MEASURED_S = 1.0


class Writer:
    """Appends to this process's segment; safe to share between threads, and with the handlers of signals.

    Args:
        folder: The spool.
        most_bytes: Of all segments together.
        always: Force each event to the disk before `append` returns; else `sync` does, called each second.
    """

    def __init__(self, folder: Folder, *, most_bytes: int, always: bool = False) -> None:
        """See the class."""
        self._folder, self._most, self._always = folder, most_bytes, always
        self._stamps: Stamps | None = None
        self._lock = RLock()
        self._segment: Segment | None = None
        self._left: list[Segment] = []
        self._measured_at, self._total = float("-inf"), 0

    def append(self, entries: Sequence[Entry]) -> None:
        """Append events, all or none.

        Raises:
            SpoolFull: There is no room under `most_bytes`.
            OSError: The disk is full, the home is not writable …
            ValueError: One is too large for a frame; no event is.
        """
        with self._lock:
            while not self._folder.made_for(lambda: self._appended(entries)):
                pass

    def prepare(self) -> None:
        """Make what the first `append` needs, while there is time; raises OSError."""
        with self._lock:
            self._folder.made_for(self._ready)

    def sync(self) -> None:
        """Force what was appended to the disk; raises OSError."""
        with ExitStack() as stack:
            handles = []
            with self._lock:
                left, self._left = self._left, []
                for segment in left:
                    stack.callback(segment.close)
                    handles.append(segment.handle)
                if self._segment and self._segment.dirty:
                    handles.append(os.dup(self._segment.handle))
                    stack.callback(os.close, handles[-1])
                    self._segment.dirty = False
            for handle in handles:
                os.fsync(handle)  # outside the lock: callers do not wait for the disk

    def close(self) -> None:
        """Close the files; what was written stays."""
        with self._lock:
            for segment in [*self._left, *([self._segment] if self._segment else [])]:
                segment.close()
            self._left, self._segment = [], None

    def _ready(self) -> Stamps:
        """Make what a new segment needs, and give what draws its stamps."""
        self._folder.make()
        take_room(self._folder)
        if self._stamps is None:
            self._stamps = Stamps(self._folder)
        else:
            self._stamps.renew()
        return self._stamps

    def _appended(self, entries: Sequence[Entry]) -> bool:
        """Append to this process's segment, or begin one; False when the drain may not see it."""
        drawn = self._stamps if self._segment and self._stamps else self._ready()
        stamps = [drawn.draw() for _ in entries]
        data = b"".join(map(pack, stamps, entries))
        self._fit(len(data))
        segment = self._taken(stamps[0])
        try:
            seen = segment.append(data, force=self._always)
        except BaseException:
            segment.give_up()
            self._leave(segment)
            raise
        if not seen:
            segment.close()
            return False
        self._total += len(data)
        if self._segment:
            self._leave(segment)
        else:
            self._segment = segment
        return True

    def _taken(self, first: int) -> Segment:
        """Give the segment to append to, out of the way of what a signal's handler tracks meanwhile."""
        segment, self._segment = self._segment, None
        if segment and segment.size > SEGMENT_BYTES:
            self._leave(segment)
            segment = None
        return segment or Segment(self._folder, first)

    def _leave(self, segment: Segment) -> None:
        """Use a segment no more; what was written is still to be forced to the disk."""
        if segment.dirty:
            self._left.append(segment)
        else:
            segment.close()

    def _fit(self, size: int) -> None:
        now = time.monotonic()
        if now - self._measured_at >= _MEASURED_S:
            self._measured_at, self._total = now, self._folder.size()
        if self._total + size > self._most:
            raise SpoolFull(f"the spool has {self._total:,} of {self._most:,} bytes (LEADRELAY_SPOOL_MAX_BYTES)")
