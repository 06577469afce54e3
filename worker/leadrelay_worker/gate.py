"""The gate: what a worker holds but may not begin any more, because a breaker opened or someone paused.

The event loop learns it with each claim. Attempts ask at their start, in a pool thread or in a prefork child, so the
gate is a page of memory that children share.
"""

from __future__ import annotations

import mmap
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

#: Name that stands for every scope.
EVERY = "*"
#: One entry: a scope and since when, in monotonic seconds; an empty name ends the list.
_ENTRY = struct.Struct("16sd")
#: Entries that fit; the policy opens fewer breakers.
MOST = 160


class Gate:
    """Scopes that are closed, and since when."""

    def __init__(self) -> None:
        """Start open; children that are forked later share it."""
        self._page = mmap.mmap(-1, _ENTRY.size * (MOST + 1))
        self._since: dict[bytes, float] = {}

    def update(self, scopes: AbstractSet[str], now: float) -> None:
        """Take over which scopes are closed, as the queue said at `now` (monotonic seconds)."""
        names = {scope.encode()[:16] for scope in sorted(scopes)[:MOST]}
        if names == self._since.keys():
            return
        self._since = {name: self._since.get(name, now) for name in sorted(names)}
        entries = b"".join(_ENTRY.pack(name, since) for name, since in self._since.items())
        self._page[: len(entries) + _ENTRY.size] = entries + bytes(_ENTRY.size)

    def shut(self, scope: str, claimed: float) -> bool:
        """Whether what was claimed of a scope at that monotonic second must not begin now."""
        if self._page[0] == 0:
            return False
        ours = (EVERY.encode(), scope.encode()[:16])
        for padded, since in _ENTRY.iter_unpack(self._page[: _ENTRY.size * MOST]):
            name = padded.rstrip(b"\0")
            if not name:
                break
            if name in ours and claimed < since:
                return True
        return False


gate = Gate()
