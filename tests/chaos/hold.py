"""Stopping one thread of another process, by ptrace; no root needed for a child of ours."""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.processes import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000  # waitpid: threads too


@contextmanager
def held_thread(pid: int, name: str) -> Iterator[None]:
    """Keep a thread of a child process stopped; one that is killed meanwhile is let go.

    Args:
        pid: The process.
        name: What the name of the thread begins with.

    Raises:
        Unavailable: This machine does not let us trace it.
    """
    tid = _thread(pid, name)
    held, release, errors = threading.Event(), threading.Event(), []

    def hold() -> None:  # ptrace wants every call from the one thread that traces
        try:
            _ptrace(_SEIZE, tid)
            _ptrace(_INTERRUPT, tid)
            os.waitpid(tid, _WALL)
        except OSError as error:
            errors.append(error)
        held.set()
        while not errors and not release.wait(0.02):
            if os.waitpid(tid, _WALL | os.WNOHANG)[0]:
                return  # killed, and reaped
        if not errors:
            _ptrace(_DETACH, tid)

    holder = threading.Thread(target=hold, name="hold", daemon=True)
    holder.start()
    held.wait(10)
    if errors:
        raise Unavailable(f"no thread of another process can be stopped here ({errors[0]})")
    try:
        yield
    finally:
        release.set()
        holder.join(10)


def _thread(pid: int, name: str) -> int:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().startswith(name):
            return int(task.name)
    message = f"process {pid} has no thread {name}"
    raise AssertionError(message)


def _ptrace(request: int, tid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, tid, None, None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
