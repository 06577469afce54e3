"""Durable delivery of server-side tracking events to LeadBoxer's Track API.

`track_event("invoice_paid", userId="42")` returns an event id once the event is safe, in the queue or in the spool.
Importing this package opens nothing and loads next to nothing: the pure protocol comes with the first name that is
taken from it, the broker's client with the first call. The signatures stand in `__init__.pyi`.
"""

from importlib import import_module

__all__ = [
    "BrokerFull",
    "BrokerUnavailable",
    "ConfigurationError",
    "Drop",
    "EnqueueTooLate",
    "Event",
    "InvalidEvent",
    "LeadrelayError",
    "NotAccepted",
    "SchemaTooNew",
    "SpoolFull",
    "SpoolUnusable",
    "atrack_event",
    "atrack_many",
    "configure",
    "context",
    "track_event",
    "track_many",
    "track_url",
    "update_user",
]

_HOMES = {"Event": "leadrelay.event", "context": "leadrelay.contexts", "Drop": "leadrelay.hook"} | dict.fromkeys(
    ("atrack_event", "atrack_many", "configure", "track_event", "track_many", "track_url", "update_user"),
    "leadrelay.tracking",
)


def __getattr__(name: str) -> object:
    """Load a public name at its first use."""
    if name not in __all__:
        message = f"module 'leadrelay' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES.get(name, "leadrelay.errors")), name)
