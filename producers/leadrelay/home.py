"""The home: a private folder for what must outlive a process (embedded broker, witness, journals)."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def ensure(home: Path) -> Path:
    """Make the home if it is missing, readable by its owner alone, and give it back.

    Raises:
        OSError: It cannot be made.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return home


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold an exclusive lock on a file; gives False when `wait` is off and someone else holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)
