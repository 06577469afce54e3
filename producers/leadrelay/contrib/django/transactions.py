"""Events that are tracked only if their transaction commits."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from leadrelay.contrib.outbox.writing import send
from leadrelay.tracking import make_event


def track_on_commit(title: str, /, *, using: str | None = None, **wire: Any) -> str:
    """Track an event after the transaction has committed; a rolled back one, or savepoint, sends nothing.

    The event is made now: its id, its context and its values stay what they are at the call. Without a transaction it
    is tracked at once. When the process dies between the commit and the call to the broker, the event is lost: where
    that matters, use the outbox (`leadrelay.contrib.django.outbox`).

    Args:
        title: As for `track_event`.
        using: Alias of the database whose transaction counts; default Django's.
        wire: As for `track_event` (a property called `using` goes into `properties`).

    Returns:
        The event id.

    Raises:
        InvalidEvent: As `track_event`, only where strict. What goes wrong after the commit is logged, and breaks
            neither the request nor other hooks.
    """
    event = make_event(title, wire)
    # No functools.partial: Django's own report of a robust hook that failed breaks on one.
    transaction.on_commit(lambda: send([event]), using=using, robust=True)
    return event.eid
