"""The home: a private folder for what must outlive a process (spool, embedded broker, witness, journals)."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from threading import get_ident
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Permissions of a folder that a file in it may have.
FILE = 0o660
#: What systems answer where a file can have no second name.
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}

#: Handles of this process that are no use to a forked child, which closes them: a lock belongs to all copies of its
#: handle, and would outlive a parent that was killed; a file that is removed keeps its room while it is open.
_own: set[int] = set()
#: Files that threads hold locks on: a signal's handler that comes in the middle must not wait for its own thread.
_held: set[tuple[Path, int]] = set()


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


def appear(path: Path) -> None:
    """Make an empty file that nobody meets without its folder's owner and permissions; one that is there is left.

    Raises:
        OSError: It cannot be made.
    """
    made = path.with_name(f".{path.name}-{os.urandom(6).hex()}")
    handle = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        share(handle, path.parent, FILE)
        with suppress(FileExistsError):
            _link(made, path)
    finally:
        os.close(handle)
        made.unlink(missing_ok=True)


def _link(made: Path, path: Path) -> None:
    """Give a file its name, unless one has it; where the disk has no links (CIFS, FAT), make it there in two steps."""
    try:
        os.link(made, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            share(handle, path.parent, FILE)
        finally:
            os.close(handle)


def own(handle: int) -> int:
    """Have forked children close a handle, until `close`; gives it back."""
    _own.add(handle)
    return handle


def close(handle: int) -> None:
    """Close a handle of `own`, unless this is a forked child, where it is closed; raises OSError."""
    if handle in _own:
        _own.discard(handle)
        os.close(handle)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold an exclusive lock on a file; gives False when `wait` is off and someone else holds it.

    It gives False too to a signal's handler that comes while its own thread holds it. All who may use the file's folder
    may hold it: root that was first does not shut the others out.

    Raises:
        OSError: It cannot be opened, or its folder is gone.
    """
    key = (path, get_ident())
    if key in _held:
        yield False
        return
    try:
        _held.add(key)  # in here: what a handler raises on its return must not leave it
        while True:
            handle = _opened(path)
            try:
                mine = _flocked(handle, wait=wait)
                if not mine or _is(path, handle):  # else others lock the one that has taken its place
                    yield mine
                    return
            finally:
                _give_back(handle)
    finally:
        _held.discard(key)


def _flocked(handle: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _give_back(handle: int) -> None:
    """Unlock all copies of the handle (a child that was forked this moment has yet to close its own), and close it."""
    try:
        if handle in _own:
            fcntl.flock(handle, fcntl.LOCK_UN)
    finally:
        close(handle)


def _is(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


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
        close(handle)  # not unlocked: that would end it for the child too


def _opened(path: Path) -> int:
    if not path.exists():
        appear(path)
    return own(os.open(path, os.O_RDWR | os.O_CLOEXEC))


def _leave_to_parent() -> None:
    for handle in _own:
        os.close(handle)
    _own.clear()
    _held.clear()


os.register_at_fork(after_in_child=_leave_to_parent)
