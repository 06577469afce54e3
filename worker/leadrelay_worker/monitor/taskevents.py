"""Task events on their way to Flower: it would wake its loop for each."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from flower.events import Events

if TYPE_CHECKING:
    from celery import Celery
    from tornado.ioloop import IOLoop

#: Events taken at a time, so that pages are answered in between.
_AT_ONCE = 100


class TaskEventsTaken(Events):  # type: ignore[misc] # Flower is not typed
    """Takes the events of a batch together: the loop is woken once for all, not for each.

    Args:
        capp: The Celery app.
        io_loop: Of the monitor.
        options: Flower's.
    """

    def __init__(self, capp: Celery, io_loop: IOLoop, options: Any) -> None:
        """See the class."""
        limits = {"max_workers_in_memory": options.max_workers, "max_tasks_in_memory": options.max_tasks}
        super().__init__(capp, io_loop, enable_events=options.enable_events, **limits)
        self._seen: deque[dict[str, Any]] = deque()

    def on_event(self, event: dict[str, Any]) -> None:
        """Keep an event for the loop; called by the thread that receives."""
        self._seen.append(event)
        if len(self._seen) == 1:
            self.io_loop.add_callback(self._take)

    def _take(self) -> None:
        try:
            for _ in range(min(_AT_ONCE, len(self._seen))):
                self._count(self._seen.popleft())
        finally:  # one that cannot be read is logged by the loop, and holds up none
            if self._seen:
                self.io_loop.add_callback(self._take)

    def _count(self, event: dict[str, Any]) -> None:
        """Take one: one that ends a task may tell of its beginning too, as the worker joined them."""
        self.state.event(event)
        if event["type"] != "task-received" and "received" in event:
            self.state.counter[event["hostname"]]["task-received"] += 1
