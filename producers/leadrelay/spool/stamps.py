"""Stamps: the order in which all processes of a home accepted events."""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leadrelay.spool.folder import Folder

_MARK = struct.Struct("<Q")


class Stamps:
    """Draws stamps: ns of this machine's clock, but never below one that was drawn before, whatever the clock does.

    Args:
        folder: Where the highest is remembered.
    """

    def __init__(self, folder: Folder) -> None:
        """See the class."""
        self._folder = folder
        self._last = 0
        self._handle = -1

    def draw(self) -> int:
        """Give the next stamp; raises OSError."""
        if self._handle < 0:
            self._handle = self._folder.open(self._folder.order, os.O_RDWR | os.O_CREAT)
        self._last = max(time.time_ns(), self._last + 1, self._mark() + 1)
        os.pwrite(self._handle, _MARK.pack(self._last), 0)
        return self._last

    def _mark(self) -> int:
        data = os.pread(self._handle, _MARK.size, 0)
        return int(_MARK.unpack(data)[0]) if len(data) == _MARK.size else 0

    def close(self) -> None:
        """Close the file."""
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1
