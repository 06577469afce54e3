"""Making the event of a call: it is frozen there, whatever becomes of its transaction."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from leadrelay import tracking
from leadrelay.errors import LeadrelayError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leadrelay.event import Event
    from leadrelay.queue.message import Entry

logger = logging.getLogger(__name__)


def made(title: str, wire: Mapping[str, Any]) -> Event:
    """Make the event of a call, with its context and its id.

    Raises:
        InvalidEvent: As `track_event`.
    """
    return tracking.client().make("" if title is None else title, wire)


def sends_rows() -> bool:
    """Whether the outbox is used: in another mode than `live` no relay would find what it shall not send."""
    return tracking.client().settings.mode == "live"


def entry_of(event: Event) -> Entry:
    """Give an event as the table keeps it."""
    return tracking.client().entry(event)


def send(committed: Sequence[Event]) -> None:
    """Track events whose transaction has committed; what goes wrong is logged, since that has happened already."""
    try:
        tracking.track_many(committed)
    except Exception as error:  # noqa: BLE001 - whatever it is, a commit must not fail for it
        logger.error(  # noqa: TRY400 - the stack of a commit hook helps nobody
            "%d events of a committed transaction were not accepted: %s", len(committed), _said(error)
        )


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, LeadrelayError) else type(error).__name__
