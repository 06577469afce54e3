"""Stamps: the order in which all processes of a home accepted events.

A stamp is the machine's monotonic clock plus a base that all processes of the home share until the machine starts anew.
So it costs no look at a file, no clock that is set disturbs it, and after a start the base lies above what was given.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leadrelay.home import locked

if TYPE_CHECKING:
    from leadrelay.spool.folder import Folder

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
#: ns by which a new base lies above the newest segment.
_ABOVE = 1_000_000_000


class Stamps:
    """Draws stamps, in ns; for one thread at a time.

    Args:
        folder: Where the base is kept.
    """

    def __init__(self, folder: Folder) -> None:
        """Read the base, or set one; raises OSError."""
        self._base = _base(folder)
        self._last = 0

    def draw(self) -> int:
        """Give the next stamp."""
        stamp = self._last = max(self._base + time.monotonic_ns(), self._last + 1)
        return stamp  # not what a signal's handler has drawn meanwhile


def _base(folder: Folder) -> int:
    boot, base = _boot(), _known(folder)
    if base and base[0] == boot:
        return base[1]
    with locked(folder.order_lock):
        base = _known(folder)
        if base and base[0] == boot:
            return base[1]
        fresh = max(time.time_ns(), _newest(folder) + _ABOVE) - time.monotonic_ns()
        folder.replace(folder.order, json.dumps([boot, fresh]).encode(), force=False)
        return fresh


def _known(folder: Folder) -> tuple[str, int] | None:
    try:
        boot, base = json.loads(folder.order.read_bytes())
        return str(boot), int(base)
    except (OSError, ValueError, TypeError):
        return None


def _newest(folder: Folder) -> int:
    """Give when a segment was last written, in ns; 0 when there is none. Raises OSError."""
    return max((path.stat().st_mtime_ns for path in folder.segments.glob("*")), default=0)


def _boot() -> str:
    """Name this start of the machine; elsewhere than on Linux by the minute in which it was."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return f"{(time.time() - time.monotonic()) / 60:.0f}"
