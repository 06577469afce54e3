"""`track_event` and its kin: what applications call. Importing this loads no broker client; the first call does."""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Any

from leadrelay.errors import ConfigurationError, InvalidEvent
from leadrelay.event import Event, split
from leadrelay.interruption import let_through
from leadrelay.lane import IDENTITIES, identity_of
from leadrelay.trackapi.forms import from_url
from leadrelay.trackapi.proxy import is_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from leadrelay.client import Client

logger = logging.getLogger(__name__)

_client: Client | None = None
_client_pid = 0
#: By process: a forked child may inherit a lock that nobody will give back. Reentrant, as all locks that a call takes:
#: a signal's handler may track an event in the middle of another call of its thread.
_locks: dict[int, RLock] = {}
_configured: dict[str, Any] = {}


def client() -> Client:
    """Give this process's client, made at the first call (a forked child makes its own).

    Raises:
        ConfigurationError: A setting cannot be used; only where strict (`Client.strict`), else its default is.
    """
    global _client, _client_pid
    here = _client
    if here is not None and _client_pid == os.getpid():
        return here
    with _lock():
        if _client is None or _client_pid != os.getpid():
            _client, _client_pid = _opened(), os.getpid()
            atexit.register(_close, _client, os.getpid())
        return _client


def _lock() -> RLock:
    return _locks.setdefault(os.getpid(), RLock())


def configure(**values: Any) -> None:
    """Set settings from code, over those of the environment; call it before the first event.

    Args:
        values: By the names of `Settings`: `before_track=function`, `default_properties={…}`, `strict=True` …

    Raises:
        ConfigurationError: There is no such setting.
    """
    global _client  # noqa: PLW0603 - one per process
    from leadrelay.settings import Settings  # noqa: PLC0415 - an import of leadrelay alone loads no settings

    unknown = values.keys() - {field.name for field in fields(Settings)}
    if unknown:
        raise ConfigurationError(f"{', '.join(sorted(unknown))}: no such setting; docs/settings.md lists them")
    with _lock():  # else a client that is being made of the old ones would come after it
        _configured.update(values)
        _client = None


@contextmanager
def overridden(**values: Any) -> Iterator[None]:
    """Let settings be these in a block, in the whole process; for tests.

    Args:
        values: As `configure`.

    Raises:
        ConfigurationError: As `configure`.
    """
    before = dict(_configured)
    configure(**values)
    try:
        yield
    finally:
        _configured.clear()
        configure(**before)


def _opened() -> Client:
    started = time.monotonic()
    from leadrelay.client import Client  # noqa: PLC0415 - the first call loads it, not the import
    from leadrelay.settings import Settings  # noqa: PLC0415 - as above

    try:
        return Client(replace(Settings.load(), **_configured), started=started)
    except ConfigurationError as error:
        here = Client(replace(Settings.load(lenient=True), **_configured), started=started)
        if here.strict:
            raise
        logger.error("%s; its default is used", error)  # noqa: TRY400 - a user's mistake has no traceback
        return here


def _close(finished: Client, pid: int) -> None:
    if pid == os.getpid():
        finished.close()


def _tracked(build: Callable[[Client], Event], call: Mapping[str, Any]) -> str:
    """Make an event and hand it over; gives its id."""
    here = client()
    event = _built(here, lambda: build(here), call)
    _put(here, [event])
    return event.eid


def _built(here: Client, build: Callable[[], Event], call: Mapping[str, Any]) -> Event:
    """Make an event, or what becomes a dead letter in its place."""
    try:
        return build()
    except Exception as error:
        let_through(error)
        if here.strict:
            raise
        return here.refused(call, error)


def _put(here: Client, events: Sequence[Event]) -> None:
    """Hand over; what nobody keeps raises only where it was asked for."""
    if here.strict or here.settings.spool_full == "raise":
        here.put(events)
    else:
        here.accept(events)


async def _aput(here: Client, events: Sequence[Event]) -> None:
    if here.strict or here.settings.spool_full == "raise":
        await here.aput(events)
    else:
        await here.aaccept(events)


def track_event(title: str, /, **wire: Any) -> str:
    """Hand over one event and give its event id, within `LEADRELAY_TIMEOUT_MS`.

    Args:
        title: Its name, `ti`.
        wire: Wire parameters under their own names (`userId=`, `email=`, `si=`), or `properties={…}` for names that
            are not identifiers; `idempotency_key=` derives the id, so that a repeat is the same event; `lane=`
            overrides whose order it keeps (False: none); `user_agent=` is the visitor's.

    Returns:
        The event id. From here on the event is delivered, waits in the queue or in the spool, or is a dead letter with
        its reason; docs/producers.md says what is not promised.

    Raises:
        InvalidEvent: It cannot be sent as it is; only where strict, else it becomes a dead letter.
        SpoolFull, SpoolUnusable: Neither broker nor spool can keep it; only where strict or `LEADRELAY_SPOOL_FULL` is
            `raise`, else it is counted as lost.
        BaseException: What a signal's handler raised meanwhile, such as a time limit (docs/producers.md).
    """
    event = make_event(title, wire)
    _put(client(), [event])
    return event.eid


def make_event(title: str, wire: Mapping[str, Any]) -> Event:
    """Make an event as `track_event` does, for whoever hands it over later.

    Args:
        title: As for `track_event`.
        wire: Its other arguments.

    Returns:
        The event, or what becomes a dead letter in its place.

    Raises:
        InvalidEvent: It cannot be sent as it is; only where strict.
    """
    here, named = client(), "" if title is None else title
    return _built(here, lambda: here.in_context(named, wire), {"ti": title, **wire})


def track_many(events: Iterable[Event | Mapping[str, Any]]) -> list[str]:
    """Hand over many events, a thousand in a round trip, and give their ids in order.

    Args:
        events: Events, or mappings of wire names in which `ti` is the title.

    Raises:
        InvalidEvent: Only where strict: names the event's position, from 0, and the property; none was handed over.
        SpoolFull, SpoolUnusable: As `track_event`; tracking the same events again is safe when they carry their own
            `eid` or `idempotency_key`.
    """
    here = client()
    made = _many(here, events)
    _put(here, made)
    return [event.eid for event in made]


async def atrack_event(title: str, /, **wire: Any) -> str:
    """Do as `track_event`, from an event loop: over a connection of the loop, without a thread."""
    event = make_event(title, wire)
    await _aput(client(), [event])
    return event.eid


async def atrack_many(events: Iterable[Event | Mapping[str, Any]]) -> list[str]:
    """Do as `track_many`, from an event loop: over a connection of the loop, without a thread."""
    here = client()
    made = _many(here, events)
    await _aput(here, made)
    return [event.eid for event in made]


def _many(here: Client, events: Iterable[Event | Mapping[str, Any]]) -> list[Event]:
    return [
        _built(here, partial(_made, here, number, event), event if isinstance(event, Mapping) else {})
        for number, event in enumerate(events)
    ]


def update_user(**wire: Any) -> str:
    """Update a user's profile without counting anything (page, section 6): `proxy=true` unless the call says otherwise.

    Args:
        wire: As for `track_event`; one of `uid`, `otui`, `userId`, `email` or `sid` says whom. The title is
            `user_updated` unless `ti=` gives another.

    Returns:
        The event id.

    Raises:
        InvalidEvent: Nobody is named, or as `track_event`.
        SpoolFull, SpoolUnusable: As `track_event`.
    """

    def build(here: Client) -> Event:
        options, named = split(wire)
        title = named.pop("ti", "user_updated")
        event = here.in_context(title, {**options, "properties": {"proxy": True, **named}})
        if not identity_of(event.wire):
            raise InvalidEvent(f"nobody is named; pass one of {', '.join(IDENTITIES)}")
        return event

    return _tracked(build, {"ti": "user_updated", **wire})


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
        InvalidEvent, SpoolFull, SpoolUnusable: As `track_event`.
    """
    found: dict[str, Any] = {}

    def build(here: Client) -> Event:
        options, named = split(wire)
        found.update(from_url(url))
        if "proxy" in found:
            found["proxy"] = str(is_set(found["proxy"]))
        found.update(named)
        title = found.pop("ti", "") or None
        return here.in_context(title, {**options, "properties": found})

    return _tracked(build, {"url": url, "properties": found, **wire})


def _made(here: Client, number: int, event: Event | Mapping[str, Any]) -> Event:
    if isinstance(event, Event):
        return event
    wrong = f"expected an Event or a mapping of wire names, not a {type(event).__name__}"
    if isinstance(event, Mapping):
        named = dict(event)
        try:
            return here.in_context(named.pop("ti", None) or "", named)
        except InvalidEvent as error:
            wrong = str(error)
    raise InvalidEvent(f"events[{number}]: {wrong}")
