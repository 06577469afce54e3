"""What both frameworks do with an event before its transaction commits, and after it has."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from leadrelay import tracking
from leadrelay.errors import LeadrelayError
from leadrelay.interruption import let_through

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leadrelay.entry import Entry
    from leadrelay.event import Event

logger = logging.getLogger(__name__)


def kept(title: str, wire: Mapping[str, Any]) -> tuple[str, Entry | None] | None:
    """Make an event for the table.

    Returns:
        Its id, and what the table keeps: nothing when the hook left it out. None in another mode than `live`, where no
        relay would find what it shall not send.

    Raises:
        InvalidEvent: As `track_event`.
    """
    here = tracking.client()
    if here.settings.mode != "live":
        return None
    event = tracking.make_event(title, wire)
    return event.eid, next((here.entry(after) for after in here.hooked([event])), None)


def send(committed: Sequence[Event]) -> None:
    """Track events whose transaction has committed; what goes wrong is logged, since that has happened already."""
    try:
        tracking.track_many(committed)
    except Exception as error:  # noqa: BLE001 - whatever it is, a commit must not fail for it
        let_through(error)
        logger.error(  # noqa: TRY400 - the stack of a commit hook helps nobody
            "%d events of a committed transaction were not accepted: %s", len(committed), _said(error)
        )


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, LeadrelayError) else type(error).__name__
