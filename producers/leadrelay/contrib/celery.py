"""Celery: the context in which a task is sent applies to the events that it tracks, in whichever process it runs.

`carry_context()` in the module that makes the Celery application, which both sides load: the context travels in the
message's header `leadrelay` (see `contrib.carry`), beside the arguments, through the application's own broker. Nothing
else applies in a task, and nothing that a task enters outlives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.signals import before_task_publish, task_postrun, task_prerun

from leadrelay.contexts import alone, context
from leadrelay.contrib.carry import packed, unpacked

if TYPE_CHECKING:
    from celery import Task

HEADER = "leadrelay"
_ENTERED = "leadrelay_entered"


def carry_context() -> None:
    """Carry contexts through the tasks of this process's Celery applications."""
    before_task_publish.connect(_put)
    task_prerun.connect(_enter)
    task_postrun.connect(_leave)


def _put(sender: str = "", headers: dict[str, Any] | None = None, **_: Any) -> None:
    found = context.current() if headers is not None and sender != "track_event" else {}
    if found and headers is not None:
        headers[HEADER] = packed(found)


def _enter(task: Task, **_: Any) -> None:
    request = task.request
    entered = context() if request.is_eager else alone(unpacked(request.get(HEADER)))  # an eager one is its caller's
    entered.__enter__()
    setattr(request, _ENTERED, entered)


def _leave(task: Task, **_: Any) -> None:
    entered = task.request.get(_ENTERED)
    if entered is not None:
        entered.__exit__()
