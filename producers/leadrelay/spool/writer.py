"""Writing: an event is in the kernel's hands when `append` returns, and survives this process from then on."""

from __future__ import annotations

import os
import time
from threading import RLock
from typing import TYPE_CHECKING

from leadrelay.errors import SpoolFull
from leadrelay.spool.folder import write
from leadrelay.spool.frame import pack
from leadrelay.spool.journal import take_room
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
    """Appends to this process's segment; safe to share between threads.

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
        self._handle, self._path, self._size = -1, "", 0
        self._dirty = False
        self._measured_at, self._total = float("-inf"), 0

    def append(self, entries: Sequence[Entry]) -> None:
        """Append events, all or none.

        Raises:
            SpoolFull: There is no room under `most_bytes`.
            OSError: The disk is full, the home is not writable …
            ValueError: One is too large for a frame; no event is.
        """
        with self._lock:
            drawn = self._ready()
            stamps = [drawn.draw() for _ in entries]
            data = b"".join(map(pack, stamps, entries))
            self._fit(len(data))
            if self._size > SEGMENT_BYTES:
                self._close()
            while not self._written(data, stamps[0]):
                self._close()

    def prepare(self) -> None:
        """Make what the first `append` needs, while there is time; raises OSError."""
        with self._lock:
            self._ready()

    def sync(self) -> None:
        """Force what was appended to the disk; raises OSError."""
        with self._lock:
            handle = os.dup(self._handle) if self._dirty and self._handle >= 0 else -1
            self._dirty = False
        if handle >= 0:
            try:
                os.fsync(handle)  # outside the lock: callers do not wait for the disk
            finally:
                os.close(handle)

    def close(self) -> None:
        """Close the files; what was written stays."""
        with self._lock:
            self._close()

    def _ready(self) -> Stamps:
        if self._stamps is None:
            self._folder.make()
            take_room(self._folder)
            self._stamps = Stamps(self._folder)
        return self._stamps

    def _written(self, data: bytes, first: int) -> bool:
        """Write; False when the drain has begun to take the segment away, so that it may not see what was written.

        If it does, the queue is given the same eids again within moments, and knows them.
        """
        if self._handle < 0:
            path, self._handle = self._folder.new_segment(first)
            self._path, self._size = str(path), 0
        self._write(data)
        return os.access(self._path, os.F_OK)

    def _write(self, data: bytes) -> None:
        """Write all or nothing.

        What was written until the disk was full, or a signal's handler raised, is taken back, so that nothing later
        stands behind it.
        """
        try:
            write(self._handle, data)
            if self._always:
                os.fsync(self._handle)
        except BaseException:
            os.ftruncate(self._handle, self._size)
            raise
        self._size += len(data)
        self._total += len(data)
        self._dirty = True

    def _fit(self, size: int) -> None:
        now = time.monotonic()
        if now - self._measured_at >= _MEASURED_S:
            self._measured_at, self._total = now, self._folder.size()
        if self._total + size > self._most:
            raise SpoolFull(f"the spool has {self._total:,} of {self._most:,} bytes (LEADRELAY_SPOOL_MAX_BYTES)")

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1
