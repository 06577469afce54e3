"""Durable delivery of server-side tracking events to LeadBoxer's Track API.

`track_event("invoice_paid", userId="42")` returns an event id once the event is safe in the queue. Importing this
package opens nothing and loads next to nothing; the first call does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadrelay.errors import BrokerFull, BrokerUnavailable, InvalidEvent, LeadrelayError, NotAccepted
    from leadrelay.event import Event
    from leadrelay.tracking import track_event, track_many, track_url, update_user

__all__ = [
    "BrokerFull",
    "BrokerUnavailable",
    "Event",
    "InvalidEvent",
    "LeadrelayError",
    "NotAccepted",
    "track_event",
    "track_many",
    "track_url",
    "update_user",
]

_HOMES = {"Event": "leadrelay.event"} | dict.fromkeys(
    ("track_event", "track_many", "track_url", "update_user"), "leadrelay.tracking"
)


def __getattr__(name: str) -> Any:
    """Load a public name at its first use."""
    if name not in __all__:
        message = f"module 'leadrelay' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES.get(name, "leadrelay.errors")), name)
