"""A segment that this process appends to: whole frames, or it is given up."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from leadrelay import home
from leadrelay.spool.folder import write

if TYPE_CHECKING:
    from leadrelay.spool.folder import Folder


class Segment:
    """Of one process, for one thread at a time.

    Args:
        folder: The spool.
        stamp: The first event's.
    """

    def __init__(self, folder: Folder, stamp: int) -> None:
        """Make it; raises OSError."""
        path, handle = folder.new_segment(stamp)
        self._path, self.handle = str(path), home.own(handle)
        self.size = 0
        #: Whether something is not on the disk for sure.
        self.dirty = False

    def append(self, data: bytes, *, force: bool) -> bool:
        """Write all.

        Args:
            data: Frames.
            force: Them to the disk.

        Returns:
            False when the drain has begun to take the segment away, so that it may not see what was written. If it
            does, the queue is given the same eids again within moments, and knows them.

        Raises:
            OSError: The disk is full …; then `give_up` is to be called, as for whatever else a signal's handler raises.
        """
        write(self.handle, data)
        if force:
            os.fsync(self.handle)
        self.size += len(data)
        self.dirty = not force
        return os.access(self._path, os.F_OK)

    def give_up(self) -> None:
        """Take back what was written in part; then it is of no use: the drain may have read further than what stays."""
        with contextlib.suppress(OSError):
            os.ftruncate(self.handle, self.size)
            if not self.size:
                os.unlink(self._path)  # noqa: PTH108 - kept as it is asked for at every event

    def close(self) -> None:
        """Close it; raises OSError."""
        home.close(self.handle)
