"""The task that Celery knows: one message per event."""

from __future__ import annotations

from typing import Any

from celery import Task


class TrackEvent(Task):
    """`track_event`: delivered by the strategy, so calling it here would send outside the queue."""

    name = "track_event"
    Strategy = "leadrelay_worker.strategy:strategy"
    acks_late = True
    ignore_result = True
    typing = False

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: events reach the endpoint through the queue alone."""
        raise NotImplementedError("send it: app.send_task('track_event', [title], wire, queue='leadrelay')")
