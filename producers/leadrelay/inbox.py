"""Adopting what plain Celery producers sent: `app.send_task("track_event", …, queue="leadrelay")`.

Such a message lies in an ordinary list under the queue's plain name. It is read without being removed, judged
here, and moved by a script that takes it only if it is still the oldest: a crash in between changes nothing,
and of two workers that read the same message one finds it gone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from leadrelay.errors import InvalidEvent
from leadrelay.ids import derived_eid
from leadrelay.queue.core import RECENT_WINDOW
from leadrelay.queue.message import Entry
from leadrelay.trackapi.answers import is_event_id

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from leadrelay.queue.core import Queue

    #: Makes an entry of a title, wire parameters and an event id; raises InvalidEvent.
    MakeEntry = Callable[[str, Mapping[str, Any], str], Entry]

#: Bytes of raw messages read in one go; one message may be larger.
MOST_BYTES = 4_000_000
#: What reading a message that is none raises.
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error)


@dataclass(frozen=True, slots=True)
class Adoption:
    """What is to become of one inbox message: ready, scheduled (due in ms), dead or dropped (reason)."""

    kind: str
    argument: str
    entry: Entry


def adopt(queue: Queue, make_entry: MakeEntry, limit: int = 200, forgotten: Container[str] = ()) -> int:
    """Move up to `limit` messages out of the inbox, high priority first.

    Args:
        queue: Where they go.
        make_entry: Validates and renders an event.
        limit: Most messages.
        forgotten: Ids of events that are dropped, because their person is forgotten.

    Returns:
        How many left the inbox.
    """
    taken = 0
    for inbox, length in queue.inbox_lengths().items():
        if length and taken < limit:
            raws = queue.run("peek", limit - taken, MOST_BYTES, extra_keys=[inbox])
            taken += _adopt_from(queue, inbox, raws, make_entry, forgotten) if raws else 0
    return taken


def _adopt_from(queue: Queue, inbox: str, raws: list[bytes], make_entry: MakeEntry, forgotten: Container[str]) -> int:
    args: list[Any] = [RECENT_WINDOW]
    for raw in raws:
        adoption = judge(raw, make_entry, datetime.now(UTC))
        entry = adoption.entry
        if entry.eid in forgotten:
            adoption = Adoption("dropped", "forgotten", entry)
        digest = hashlib.sha1(raw, usedforsecurity=False).hexdigest()
        args += (digest, adoption.kind, adoption.argument, *entry.arguments())
    return int(queue.run("adopt", *args, extra_keys=[inbox]))


def judge(raw: bytes, make_entry: MakeEntry, now: datetime) -> Adoption:
    """Decide what a raw message becomes.

    Args:
        raw: As it lies in the inbox.
        make_entry: Validates and renders an event.
        now: For ``expires``.
    """
    digest = _digest(raw)
    try:
        headers, args, kwargs = _envelope(raw)
    except _UNREADABLE:
        return Adoption("dead", "malformed", Entry(digest, "", "-", raw))
    if headers.get("task") != "track_event":
        return Adoption("dead", "unknown_task", Entry(digest, "", "-", raw))
    try:
        title, wire = _call(args, kwargs)
        entry = make_entry(title, wire, _eid(headers) or digest)
        due, expires = _moment(headers.get("eta")), _moment(headers.get("expires"))
    except (InvalidEvent, ValueError, TypeError):
        return Adoption("dead", "invalid", Entry(digest, "", "-", raw))
    if expires and expires <= now:
        return Adoption("dropped", "expires", entry)
    if due and due > now:
        return Adoption("scheduled", str(int(due.timestamp() * 1000)), entry)
    return Adoption("ready", "", entry)


def eid_of(raw: bytes) -> str:
    """Give the id under which a raw message is adopted."""
    try:
        headers, _, _ = _envelope(raw)
        return _eid(headers) or _digest(raw)
    except _UNREADABLE:
        return _digest(raw)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]


def _eid(headers: Mapping[str, Any]) -> str:
    """Give the event id that belongs to Celery's task id: a UUID's digits; ``""`` without an id."""
    task_id = str(headers.get("id") or "")
    plain = task_id.replace("-", "").lower()
    return plain if not task_id or is_event_id(plain) else derived_eid("celery", task_id)


def call_of(raw: bytes) -> dict[str, Any]:
    """Give the wire parameters in a raw message, its title as `ti`; ``{}`` when there are none to be found."""
    try:
        _, args, kwargs = _envelope(raw)
        title, wire = _call(args, kwargs)
    except _UNREADABLE:
        return {}
    return {"ti": title, **wire}


def _envelope(raw: bytes) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    """Open a message of Celery's protocol 2 in kombu's envelope."""
    outer = json.loads(raw)
    body = outer["body"]
    if outer.get("properties", {}).get("body_encoding") == "base64":
        body = base64.b64decode(body, validate=True)
    args, kwargs, _ = json.loads(body)
    return dict(outer["headers"]), list(args), dict(kwargs)


def _call(args: list[Any], kwargs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Read the arguments of `track_event`: a title and wire names, or one mapping of wire names."""
    if len(args) == 1 and isinstance(args[0], dict):
        wire = {**args[0], **kwargs}
    elif len(args) <= 1:
        wire = {"ti": args[0], **kwargs} if args else dict(kwargs)
    else:
        message = "track_event takes a title and named properties"
        raise TypeError(message)
    return str(wire.pop("ti", "")), wire


def _moment(text: Any) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
