"""`track_event` and its kin: what applications call."""

from __future__ import annotations

import atexit
import os
from threading import Lock
from typing import TYPE_CHECKING, Any

from leadrelay import broker
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent
from leadrelay.event import Event
from leadrelay.lane import IDENTITIES
from leadrelay.settings import Settings
from leadrelay.trackapi.forms import from_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_client: Client | None = None
_client_pid = 0
_lock = Lock()


def client() -> Client:
    """Give this process's client, opened at the first call (a forked child opens its own).

    Raises:
        ConfigurationError, BrokerUnavailable: As `Settings.load` and `broker.url_of`.
    """
    global _client, _client_pid  # noqa: PLW0603 - one per process
    if _client is not None and _client_pid == os.getpid():
        return _client
    with _lock:
        if _client is None or _client_pid != os.getpid():
            settings = Settings.load()
            _client = Client(settings, broker.open_queue(settings, timeout_s=settings.timeout_ms / 1000, start=False))
            _client_pid = os.getpid()
            atexit.register(_flush, _client)
        return _client


def _flush(finished: Client) -> None:
    if finished.queue.witness:
        finished.queue.witness.flush()


def track_event(title: str, /, **wire: Any) -> str:
    """Put one event into the queue, in one round trip, and give its event id.

    Args:
        title: Its name, `ti`.
        wire: Wire parameters under their own names (`userId=`, `email=`, `si=`), or `properties={…}` for names that
            are not identifiers; `idempotency_key=` derives the id, so that a repeat is the same event; `lane=`
            overrides whose order it keeps (False: none); `user_agent=` is the visitor's.

    Returns:
        The event id. From here on the event is delivered, waits, or is a dead letter with its reason.

    Raises:
        InvalidEvent: It cannot be sent as it is; nothing was enqueued.
        NotAccepted: The broker is away, full or too slow; the event is still yours.
    """
    here = client()
    event = here.make(title, wire)
    here.track([event])
    return event.eid


def track_many(events: Iterable[Event | Mapping[str, Any]]) -> list[str]:
    """Put many events into the queue, pipelined, and give their ids in order.

    Args:
        events: Events, or mappings of wire names in which `ti` is the title.

    Raises:
        InvalidEvent: Names the property and the event's position; nothing was enqueued.
        NotAccepted: Not all were accepted; tracking the same events again is safe when they carry their own `eid` or
            `idempotency_key`.
    """
    here = client()
    made = [event if isinstance(event, Event) else _made(here, event) for event in events]
    here.track(made)
    return [event.eid for event in made]


def update_user(**wire: Any) -> str:
    """Update a user's profile without counting anything (page, section 6): `proxy=true` unless the call says otherwise.

    Args:
        wire: As for `track_event`; one of `uid`, `userId`, `email`, `sid` or `otui` says whom. The title is
            `user_updated` unless `ti=` gives another.

    Raises:
        InvalidEvent: Nobody is named, or as `track_event`.
        NotAccepted: As `track_event`.
    """
    if not any(wire.get(name) for name in IDENTITIES):
        raise InvalidEvent(f"nobody is named; pass one of {', '.join(IDENTITIES)}")
    return track_event(wire.pop("ti", None) or "user_updated", **{"proxy": True, **wire})


def track_url(url: str, /, **wire: Any) -> str:
    """Track an event that the application builds as a Track API URL today.

    Args:
        url: Of any host; its query is the event. What only forms the answer (`pix`, `json`, `callback`, `_`) is left
            out, a name that comes twice counts once, the first time.
        wire: As for `track_event`; wins over the URL.

    Raises:
        InvalidEvent, NotAccepted: As `track_event`; a URL without `ti` is invalid.
    """
    found = {**from_url(url), **wire}
    return track_event(found.pop("ti", ""), properties={**found.pop("properties", {}), **found})


def _made(here: Client, wire: Mapping[str, Any]) -> Event:
    named = dict(wire)
    return here.make(named.pop("ti", ""), named)
