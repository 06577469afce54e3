"""How far the drain came: written before each batch is sent, so that one that was killed goes on without doubles."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

from leadrelay.home import locked
from leadrelay.spool.folder import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.spool.folder import Folder


#: Bytes that it has at least, so that the positions of some hundred segments can be noted on a disk that is full.
_ROOM = 16_000


def take_room(folder: Folder) -> None:
    """Make what a drain needs, while there is room: a disk may fill before the first; raises OSError."""
    if not folder.journal.exists():
        with locked(folder.lock, wait=False) as alone:
            if alone and not folder.journal.exists():
                folder.replace(folder.journal, b"{}".ljust(_ROOM), force=False)


#: What it holds, in this order.
_KEYS = ("source", "done", "next", "digest")


class Journal:
    """The drain's positions by segment, and the batch in doubt; used by one process at a time.

    Args:
        folder: The spool.
    """

    def __init__(self, folder: Folder) -> None:
        """Read it; one that is missing or damaged begins at the beginning, and the queue knows recent eids."""
        self._folder = folder
        self._damaged = b""
        stored = self._read()
        #: Under which the queue remembers the last batch.
        self.source: str = str(stored.get("source") or f"spool-{os.urandom(8).hex()}")
        #: What is surely in the queue.
        self.done: dict[str, int] = _positions(stored.get("done"))
        self._next = _positions(stored.get("next"))
        self._digest = str(stored.get("digest") or "")

    def settle(self, last_batch: str) -> None:
        """Take the batch in doubt as accepted if it is the one that the queue accepted last."""
        if self._damaged:
            cost = "all that waits is sent from its beginning; the queue knows what it took lately"
            self._folder.set_aside(self._folder.journal, self._damaged, cost)
        if self._digest and self._digest == last_batch:
            self.done = self._next
        self._digest = ""

    def begin(self, after: Mapping[str, int], digest: str) -> None:
        """Note a batch before it is sent; raises OSError.

        Args:
            after: Positions once it is accepted.
            digest: Its name.
        """
        self._next, self._digest = dict(after), digest
        self._write()

    def accepted(self) -> None:
        """Note that the batch was accepted: written with the next one, or by `close`."""
        self.done, self._digest = self._next, ""

    def renamed(self, name: str, to: str) -> None:
        """Note that a segment is about to change its name; raises OSError."""
        if name in self.done:
            self.done = {**self.done, to: self.done[name]}
            self._next, self._digest = self.done, ""
            self._write()

    def close(self) -> None:
        """Write the positions of the segments that are still there, unless a batch is in doubt; raises OSError."""
        if self._digest:
            return
        there = set(self._folder.waiting())
        self.done = {name: at for name, at in self.done.items() if name in there}
        self._next = self.done
        self._write()

    def _write(self) -> None:
        values = (self.source, self.done, self._next, self._digest)
        data = json.dumps(dict(zip(_KEYS, values, strict=True))).encode()
        try:
            self._folder.made_for(lambda: self._folder.replace(self._folder.journal, data.ljust(_ROOM)))
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            self._overwrite(data)

    def _overwrite(self, data: bytes) -> None:
        """Write it in its old place, where it has room: to be drained is what gives a full disk its room back."""
        handle = self._folder.open(self._folder.journal, os.O_WRONLY)
        try:
            there = os.fstat(handle)
            if len(data) > max(there.st_size, there.st_blocks * 512):  # half of it would be worse than the one before
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(handle, data.ljust(there.st_size))
            os.fsync(handle)
        finally:
            os.close(handle)

    def _read(self) -> dict[str, Any]:
        try:
            data = self._folder.journal.read_bytes()
        except OSError:
            return {}
        try:
            stored = json.loads(data) if data else {}
        except (ValueError, RecursionError):
            stored = None
        if stored == {} or (isinstance(stored, dict) and stored.keys() >= set(_KEYS)):
            return stored
        self._damaged = data
        return {}


def _positions(stored: Any) -> dict[str, int]:
    pairs = stored.items() if isinstance(stored, dict) else ()
    return {str(name): at for name, at in pairs if isinstance(at, int) and at >= 0}
