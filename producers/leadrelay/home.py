"""The home: a private folder for what must outlive a process (spool, embedded broker, witness, journals)."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Permissions of a folder that a file in it may have.
FILE = 0o660

#: Locks of this process. A lock belongs to all copies of its handle, so a forked child closes the ones it inherits:
#: else it would keep the lock of a parent that was killed.
_held: set[int] = set()


def ensure(home: Path) -> Path:
    """Make the home if it is missing, readable by its owner alone, and give it back.

    Raises:
        OSError: It cannot be made.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


def share(target: Path | int, folder: Path, mask: int) -> None:
    """Give what was just made a folder's owner, when root makes it, and of the folder's permissions those of `mask`.

    Raises:
        OSError: It cannot be given.
    """
    like = folder.stat()
    os.chmod(target, stat.S_IMODE(like.st_mode) & mask)  # noqa: PTH101 - a handle, or a path
    if os.geteuid() == 0:
        os.chown(target, like.st_uid, like.st_gid)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold an exclusive lock on a file; gives False when `wait` is off and someone else holds it.

    All who may use the file's folder may hold it: root that was first does not shut the others out.
    """
    handle = _opened(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        if handle in _held:  # else this is a forked child, and it was closed
            _held.discard(handle)
            fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)


@contextmanager
def hand_over(path: Path) -> Iterator[int | None]:
    """Hold an exclusive lock on a file and give its handle, None when someone else holds it.

    A child that inherits the handle (`pass_fds`) goes on holding the lock, until it ends. Else the lock ends here.
    """
    handle = _opened(path)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield handle
    finally:
        if handle in _held:
            _held.discard(handle)
            os.close(handle)  # not unlocked: that would end it for the child too


def _opened(path: Path) -> int:
    new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if new:
            share(handle, path.parent, FILE)
    except OSError:
        os.close(handle)
        raise
    _held.add(handle)
    return handle


def _leave_to_parent() -> None:
    for handle in _held:
        os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
