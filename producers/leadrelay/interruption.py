"""Telling what a signal's handler raised from what went wrong.

A handler may raise in the middle of any call: Celery's soft time limit does, and many a limit made of SIGALRM. Such an
exception is meant for the application, though it comes out of our code or out of redis-py's, where a socket waited.

It is told by its traceback: Python calls a handler with the frame that it interrupted, so the frame of a handler is one
that was given its own caller as an argument, which nothing else is.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def let_through(error: BaseException) -> None:
    """Raise what a signal's handler raised, if that is what an error is or comes of; else return.

    Args:
        error: As caught by the caller. Libraries turn some exceptions into others, so those that it comes of are looked
            at too, but not what the application itself was handling when it called.

    Raises:
        BaseException: The handler's own.
    """
    caller = sys._getframe(1)  # noqa: SLF001 - documented, and the only way to it
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        frame = _of_handler(cause)
        if frame and (cause is error or _is_inside(frame, caller)):
            raise cause
        seen.add(id(cause))  # a chain may be a ring
        cause = cause.__cause__ or cause.__context__


def _of_handler(error: BaseException) -> FrameType | None:
    """Give the frame of the handler that an exception came out of."""
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if frame.f_back is not None and any(given is frame.f_back for given in _given(frame)):
            return frame
        step = step.tb_next
    return None


def _given(frame: FrameType) -> list[object]:
    """Give the arguments with which a frame was called."""
    code = frame.f_code
    number = code.co_argcount + code.co_kwonlyargcount
    given = [frame.f_locals.get(name) for name in code.co_varnames[:number]]
    if code.co_flags & inspect.CO_VARARGS:
        given += frame.f_locals.get(code.co_varnames[number], ())
    return given


def _is_inside(frame: FrameType | None, outer: FrameType) -> bool:
    """Tell whether a frame was called, by whatever way, from another."""
    while frame is not None and frame is not outer:
        frame = frame.f_back
    return frame is outer
