"""The spool's folder: its files, and who may use them.

Files get the owner (when root makes them) and the group's permissions of the home, so that a worker, a shell and an
application under different users can share one.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
from typing import TYPE_CHECKING, TypeVar

from leadrelay.home import FILE, share

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_T = TypeVar("_T")

logger = logging.getLogger(__name__)

#: Permissions of the home that a folder in it may have.
_FOLDER = 0o2770
#: How often a folder is made again that others remove.
_TRIES = 10
#: What systems answer for a folder that is not empty.
_NOT_EMPTY = {errno.ENOTEMPTY, errno.EEXIST}


class Folder:
    """The spool of one home for one broker and namespace.

    Args:
        home: `LEADRELAY_HOME`.
        label: Of broker and namespace.
    """

    def __init__(self, home: Path, label: str) -> None:
        """See the class."""
        self.home, self.label = home, label
        self.path = home / "spool" / label
        self.segments = self.path / "segments"
        self.order, self.order_lock = self.path / "order", self.path / "order.lock"
        self.journal, self.lock, self.lost = self.path / "journal", self.path / "drain.lock", self.path / "lost"
        self._asked = str(self.segments)

    @property
    def waits(self) -> bool:
        """Whether anything waits, so that every event goes behind it: one system call, asked at every call."""
        return os.access(self._asked, os.F_OK)

    def waiting(self) -> list[str]:
        """Name the segments, oldest first.

        Raises:
            OSError: The folder is there and cannot be read.
        """
        try:
            return sorted(path.name for path in self.segments.iterdir())
        except FileNotFoundError:
            return []

    def make(self) -> None:
        """Make the folder if it is missing; raises OSError."""
        with contextlib.suppress(FileExistsError):  # `exist_ok` would raise it if the home is removed this moment
            self.home.mkdir(mode=0o700, parents=True)
        for folder in (self.path.parent, self.path):
            self._make(folder)

    def made_for(self, action: Callable[[], _T]) -> _T:
        """Give what an action on its files does, the folder made again if somebody removes it; raises OSError."""
        for _ in range(_TRIES):
            with contextlib.suppress(FileNotFoundError):
                return action()
            with contextlib.suppress(FileNotFoundError):
                self.make()
        return action()

    def empty(self) -> None:
        """Take the folder of the segments away if nothing is in it; raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            try:
                self.segments.rmdir()
            except OSError as error:
                if error.errno not in _NOT_EMPTY:
                    raise

    def size(self) -> int:
        """Give the bytes of all segments; raises OSError."""
        total = 0
        for name in self.waiting():
            with contextlib.suppress(FileNotFoundError):  # drained meanwhile
                total += (self.segments / name).stat().st_size
        return total

    def new_segment(self, stamp: int) -> tuple[Path, int]:
        """Make a segment whose events have this stamp or a later one; gives its path and handle. Raises OSError."""
        path = self.segments / f"{stamp:020d}-{os.getpid()}-{os.urandom(3).hex()}"
        while True:
            self._make(self.segments)
            with contextlib.suppress(FileNotFoundError):  # it was taken away in between
                return path, self.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)

    def open(self, path: Path, flags: int) -> int:
        """Open one of the files, made for all who may use the home; raises OSError."""
        new = flags & os.O_CREAT and not path.exists()
        handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
        if new:
            share(handle, self.home, FILE)
        return handle

    def replace(self, path: Path, data: bytes, *, force: bool = True) -> None:
        """Write a file as a whole, forced to the disk before it takes the old one's place; raises OSError.

        One does it at a time, so what a process that was killed left of it goes with the next.
        """
        made = path.with_name(f".{path.name}-new")
        made.unlink(missing_ok=True)
        handle = self.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            write(handle, data)
            if force:
                os.fsync(handle)
        except OSError:
            made.unlink(missing_ok=True)  # a disk that is full needs its room
            raise
        finally:
            os.close(handle)
        made.replace(path)

    def set_aside(self, path: Path, data: bytes, cost: str) -> None:
        """Keep what a damaged file holds beside it, where there is room, and say so; who uses the file begins anew."""
        kept = path.with_name(f"{path.name}.damaged")
        logger.error("%s is damaged and kept as %s: %s", path, kept.name, cost)
        with contextlib.suppress(OSError):
            self.replace(kept, data)

    def _make(self, folder: Path) -> None:
        """Make a folder as a whole: no other process meets it without its permissions, or takes it away half made."""
        if folder.is_dir():
            return
        made = folder.with_name(f".{folder.name}-{os.urandom(6).hex()}")
        made.mkdir(mode=0o700)
        try:
            share(made, self.home, _FOLDER)
            made.rename(folder)
        except OSError as error:
            made.rmdir()
            if error.errno not in _NOT_EMPTY:  # else another process made it, and has filled it
                raise


def write(handle: int, data: bytes) -> None:
    """Write to the end, however little the disk takes at a time; raises OSError, and then a part may be written."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def folders(home: Path) -> list[Folder]:
    """Give the spools of a home, one for each broker and namespace; errors as none."""
    try:
        paths = sorted(path for path in (home / "spool").iterdir() if path.is_dir())
        return [Folder(home, path.name) for path in paths if not path.name.startswith(".")]  # those are being made
    except OSError:
        return []
