"""The spool's folder: its files, and who may use them.

Files get the owner (when root makes them) and the group's permissions of the home, so that a worker, a shell and an
application under different users can share one.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SUFFIX = ".seg"
#: Permissions of the home that a folder in it may have, and a file.
_FOLDER, _FILE = 0o2770, 0o660


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
        self.order, self.journal = self.path / "order", self.path / "journal"
        self.lost, self.lock = self.path / "lost", self.path / "drain.lock"
        self._listed = str(self.segments)

    def waiting(self) -> list[str]:
        """Name the segments, oldest first; every event goes behind them while there is one.

        Raises:
            OSError: The folder is there and cannot be read.
        """
        try:
            names = os.listdir(self._listed)  # noqa: PTH208 - asked at every call: three times as fast
        except FileNotFoundError:
            return []
        return sorted(name for name in names if name.endswith(_SUFFIX)) if names else []

    def make(self) -> None:
        """Make the folder if it is missing; raises OSError."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.path.parent, self.path, self.segments):
            if not folder.is_dir():
                folder.mkdir(exist_ok=True)
                self._share(folder, _FOLDER)

    def size(self) -> int:
        """Give the bytes of all segments; raises OSError."""
        total = 0
        for name in self.waiting():
            with contextlib.suppress(FileNotFoundError):  # drained meanwhile
                total += (self.segments / name).stat().st_size
        return total

    def new_segment(self, stamp: int) -> int:
        """Make a segment whose events have this stamp or a later one; gives its handle. Raises OSError."""
        self.make()
        name = f"{stamp:020d}-{os.getpid()}-{secrets.token_hex(3)}{_SUFFIX}"
        return self.open(self.segments / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)

    def open(self, path: Path, flags: int) -> int:
        """Open one of the files, made for all who may use the home; raises OSError."""
        new = flags & os.O_CREAT and not path.exists()
        handle = os.open(path, flags | os.O_CLOEXEC, 0o600)
        if new:
            self._share(handle, _FILE)
        return handle

    def replace(self, path: Path, data: bytes) -> None:
        """Write a file as a whole, forced to the disk before it takes the old one's place; raises OSError."""
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        handle = self.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            os.write(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)

    def _share(self, target: Path | int, mask: int) -> None:
        """Give what was just made the home's owner, and of its permissions those that such a file has."""
        home = self.home.stat()
        os.chmod(target, stat.S_IMODE(home.st_mode) & mask)  # noqa: PTH101 - a handle, or a path
        if os.geteuid() == 0:
            os.chown(target, home.st_uid, home.st_gid)


def folders(home: Path) -> list[Folder]:
    """Give the spools of a home, one for each broker and namespace; errors as none."""
    try:
        return [Folder(home, path.name) for path in sorted((home / "spool").iterdir()) if path.is_dir()]
    except OSError:
        return []
