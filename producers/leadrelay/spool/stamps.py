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
from leadrelay.spool.reader import newest

if TYPE_CHECKING:
    from leadrelay.spool.folder import Folder

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
#: ns by which a new base lies above the newest segment.
_ABOVE = 1_000_000_000
#: ns that a base has at most, in the year 2116; a file that says more is damaged.
_MOST = 1 << 62


class Stamps:
    """Draws stamps, in ns; for one thread at a time.

    Args:
        folder: Where the base is kept.
    """

    def __init__(self, folder: Folder) -> None:
        """Read the base, or set one; raises OSError."""
        self._folder, self._last = folder, 0
        self.renew()

    def renew(self, above: int = 0) -> None:
        """Read the base again, in case that its file was removed meanwhile; raises OSError.

        Args:
            above: A stamp that is known to have been given.
        """
        self._base = _base(self._folder, max(above, self._last))

    def draw(self) -> int:
        """Give the next stamp."""
        stamp = self._last = max(self._base + time.monotonic_ns(), self._last + 1)
        return stamp  # not what a signal's handler has drawn meanwhile


def now(folder: Folder) -> int:
    """Give the time as stamps tell it, which no clock that is set disturbs."""
    base = _known(folder, _boot(), 0)
    return time.time_ns() if base is None else base + time.monotonic_ns()


def _base(folder: Folder, above: int) -> int:
    """Give the base that all use; set it if it is missing, of another start, or gives no stamp above a known one."""
    boot = _boot()
    if (base := _known(folder, boot, above)) is not None:
        return base
    with locked(folder.order_lock):
        if (base := _known(folder, boot, above)) is not None:
            return base
        base = max(time.time_ns(), newest(folder) + _ABOVE, above + 1) - time.monotonic_ns()
        folder.replace(folder.order, json.dumps([boot, base]).encode(), force=False)
        return base


def _known(folder: Folder, boot: str, above: int) -> int | None:
    try:
        of_boot, base = json.loads(folder.order.read_bytes())
        known = int(base) if str(of_boot) == boot else None
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    if known is None or abs(known) > _MOST or known + time.monotonic_ns() < above:
        return None
    return known


def _boot() -> str:
    """Name this start of the machine; elsewhere than on Linux by the minute in which it was."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return f"{(time.time() - time.monotonic()) / 60:.0f}"
