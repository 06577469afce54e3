"""`track_event` and its kin: what applications call. Importing this loads no broker client; the first call does."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from leadrelay.errors import InvalidEvent
from leadrelay.event import Event, split
from leadrelay.lane import IDENTITIES, identity_of
from leadrelay.trackapi.forms import from_url
from leadrelay.trackapi.proxy import is_set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leadrelay.client import Client

_client: Client | None = None
_client_pid = 0
_lock = Lock()


def client() -> Client:
    """Give this process's client, opened at the first call (a forked child opens its own).

    Raises:
        ConfigurationError, BrokerUnavailable: As `Settings.load` and `broker.url_of`.
    """
    global _client, _client_pid
    if _client is not None and _client_pid == os.getpid():
        return _client
    with _lock:
        if _client is None or _client_pid != os.getpid():
            _client, _client_pid = _opened(), os.getpid()
            atexit.register(_flush, _client)
        return _client


def _opened() -> Client:
    from leadrelay import broker  # noqa: PLC0415 - the first call loads redis, not the import
    from leadrelay.client import Client  # noqa: PLC0415 - as above
    from leadrelay.settings import Settings  # noqa: PLC0415 - as above

    settings = Settings.load()
    return Client(settings, broker.open_queue(settings, timeout_s=settings.timeout_ms / 1000, start=False))


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
    event = here.make("" if title is None else title, wire)
    here.track([event])
    return event.eid


def track_many(events: Iterable[Event | Mapping[str, Any]]) -> list[str]:
    """Put many events into the queue, pipelined, and give their ids in order.

    Args:
        events: Events, or mappings of wire names in which `ti` is the title.

    Raises:
        InvalidEvent: Names the event's position, from 0, and the property; nothing was enqueued.
        NotAccepted: Not all were accepted; tracking the same events again is safe when they carry their own `eid` or
            `idempotency_key`.
    """
    here = client()
    made = [_made(here, number, event) for number, event in enumerate(events)]
    here.track(made)
    return [event.eid for event in made]


def update_user(**wire: Any) -> str:
    """Update a user's profile without counting anything (page, section 6): `proxy=true` unless the call says otherwise.

    Args:
        wire: As for `track_event`; one of `uid`, `otui`, `userId`, `email` or `sid` says whom. The title is
            `user_updated` unless `ti=` gives another.

    Returns:
        The event id.

    Raises:
        InvalidEvent: Nobody is named, or as `track_event`.
        NotAccepted: As `track_event`.
    """
    here = client()
    options, named = split(wire)
    title = named.pop("ti", "user_updated")
    event = here.make(title, {**options, "properties": {"proxy": True, **named}})
    if not identity_of(event.wire):
        raise InvalidEvent(f"nobody is named; pass one of {', '.join(IDENTITIES)}")
    here.track([event])
    return event.eid


def track_url(url: str | bytes, /, **wire: Any) -> str:
    """Track an event that the application builds as a Track API URL today.

    Args:
        url: Of any host; its query is the event, in UTF-8 or else ISO-8859-1. What only forms the answer (`pix`,
            `json`, `callback`, `_`) is left out, a name that comes twice counts once, the first time. Without `ti` it
            has no title, as at the endpoint.
        wire: As for `track_event`; wins over the URL.

    Returns:
        The event id.

    Raises:
        InvalidEvent, NotAccepted: As `track_event`.
    """
    here = client()
    options, named = split(wire)
    found = from_url(url)
    if "proxy" in found:
        found["proxy"] = str(is_set(found["proxy"]))
    found |= named
    title = found.pop("ti", "") or None
    event = here.make(title, {**options, "properties": found})
    here.track([event])
    return event.eid


def _made(here: Client, number: int, event: Event | Mapping[str, Any]) -> Event:
    if isinstance(event, Event):
        return event
    wrong = f"expected an Event or a mapping of wire names, not a {type(event).__name__}"
    if isinstance(event, Mapping):
        named = dict(event)
        try:
            return here.make(named.pop("ti", None) or "", named)
        except InvalidEvent as error:
            wrong = str(error)
    raise InvalidEvent(f"events[{number}]: {wrong}")
