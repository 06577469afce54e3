"""Events: the immutable thing tracked, checked at the door."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from leadrelay.errors import InvalidEvent
from leadrelay.lane import lane_of, scope_of
from leadrelay.trackapi.forms import NOTES, USER_AGENT
from leadrelay.trackapi.masking import shown_name
from leadrelay.trackapi.parameters import ANSWER_FORMS, CACHE_BUSTER, PARAMETERS, STRICT, doubts
from leadrelay.trackapi.proxy import ASKED, sends_proxy
from leadrelay.trackapi.values import to_text

logger = logging.getLogger(__name__)

#: Bytes of one payload: far above any real event, far below what would hold the queue up.
MOST_BYTES = 64 * 1024
#: Properties of one event.
MOST_PROPERTIES = 200
#: Characters of a property's name.
MOST_NAME = 100
#: Characters of a forwarded User-Agent; what is longer is cut.
MOST_AGENT = 1024
#: Names that are looked at for near misses in one process: likening a name to the known ones takes long.
MOST_REPORTED = 1000

#: Arguments of a call that are no wire parameters.
OPTIONS = ("user_agent", "lane", "idempotency_key")

_reported: set[str] = set()


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """One event, ready to be enqueued; make it with `Event.create`.

    Args:
        eid: Its id, the same for every attempt.
        wire: Wire parameters as text, `si` and `eid` among them.
        rendered: What `payload` gives.
        lane_override: `lane=` of the call; ``""`` turns order off, None takes the identity.
    """

    eid: str
    wire: Mapping[str, str]
    rendered: bytes
    lane_override: str | None = None

    @classmethod
    def create(
        cls,
        title: str | None,
        /,
        *,
        eid: str,
        si: str | None = None,
        properties: Mapping[str, Any] | None = None,
        user_agent: str | None = None,
        lane: str | bool | None = None,
        default_proxy: str = "auto",
        **wire: Any,
    ) -> Event:
        """Check and freeze an event.

        Args:
            title: `ti`, shown in the user's clickstream; None sends none (the page's own updates have none).
            eid: Its id.
            si: Dataset id.
            properties: More wire parameters, for names that are not identifiers; a name comes once.
            user_agent: The visitor's; forwarded.
            lane: A key of order, or False for none (also as the texts `true` and `false`, of tables and command lines).
            default_proxy: `auto`, `true` or `false`, for an event that has no `proxy` (`trackapi.proxy.TABLE`).
            wire: Wire parameters under their own names; None leaves one out.

        Raises:
            InvalidEvent: Names the property that is wrong, never a value.
        """
        named = merged({"si": si, "ti": title, "eid": eid}, wire, properties)
        if len(named) > MOST_PROPERTIES:
            raise InvalidEvent(f"{len(named)} properties; at most {MOST_PROPERTIES}")
        texts = {name: text for name, value in named.items() if (text := to_text(_name(name), value)) is not None}
        texts.setdefault("proxy", default_proxy)
        _check(texts)
        agent = _agent(user_agent)
        asked = ASKED[texts.pop("proxy").lower()]
        if sends_proxy(asked, visitor=bool(texts.get("ip") and agent)):
            texts["proxy"] = "true"
        if agent:
            texts[USER_AGENT] = agent
        return cls(texts["eid"], texts, _rendered(texts), _override(lane))

    @classmethod
    def received(cls, wire: Mapping[str, str], user_agent: str) -> Event:
        """Freeze an event that another program formed for the Track API: the endpoint judges it, so it stays as it is.

        Args:
            wire: Its parameters, `si` and `eid` among them.
            user_agent: The visitor's, forwarded; ``""`` when it sent none, and then none is sent.

        Raises:
            InvalidEvent: It could not be delivered as it is: names the property, never a value.
        """
        if not wire.get("si", "").strip():
            raise InvalidEvent("si: no dataset id")
        eid = PARAMETERS["eid"].check
        if not eid.holds(wire["eid"]):
            raise InvalidEvent(f"eid: expected {eid.expected}")
        for name in NOTES & wire.keys():
            raise InvalidEvent(f"{name}: reserved for leadrelay; choose another name")
        texts = {**wire, USER_AGENT: _agent(user_agent)}
        return cls(wire["eid"], texts, _rendered(texts))

    def payload(self) -> bytes:
        """Give it as the queue keeps it: a JSON object of the wire parameters and leadrelay's notes."""
        return self.rendered

    def lane(self, secret: str, placeholders: frozenset[str] = frozenset()) -> str:
        """Give its lane key, ``""`` for none; arguments as `lane_of`."""
        return "" if self.lane_override == "" else lane_of(self.wire, secret, self.lane_override, placeholders)

    def scope(self) -> str:
        """Give the short hash of its dataset."""
        return scope_of(self.wire)

    def __repr__(self) -> str:
        """Show no properties."""
        return f"Event(eid={self.eid!r})"


def merged(*parts: Mapping[str, Any] | None) -> dict[str, Any]:
    """Put wire parameters together, leaving out what is None.

    Args:
        parts: Mappings of names to values, the last one perhaps `properties` of a call.

    Raises:
        InvalidEvent: A part is no mapping, or a name is given twice.
    """
    found: dict[str, Any] = {}
    for part in parts:
        if part is not None and not isinstance(part, Mapping):
            raise InvalidEvent(f"properties: expected a mapping of names to values, not a {type(part).__name__}")
        for name, value in (part or {}).items():
            if value is None:
                continue
            if name in found:
                raise InvalidEvent(f"{_shown(name)}: given twice, by name and in properties")
            found[name] = value
    return found


def split(call: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split the arguments of a call into its options and all its wire parameters; raises InvalidEvent."""
    wire = dict(call)
    options = {name: wire.pop(name) for name in OPTIONS if name in wire}
    properties = wire.pop("properties", None)
    return options, merged(wire, properties)


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def _rendered(texts: dict[str, str]) -> bytes:
    rendered = _dumps(texts).encode()
    if len(rendered) > MOST_BYTES:
        largest = max(texts, key=lambda name: len(texts[name]))
        raise InvalidEvent(f"{shown_name(largest)}: the event has {len(rendered)} bytes; at most {MOST_BYTES}")
    return rendered


def _override(lane: Any) -> str | None:
    text = to_text("lane", lane)
    return "" if text == "false" else None if text == "true" else text


def _agent(value: Any) -> str:
    """Give a visitor's User-Agent as it can be forwarded: a visitor wrote it, so no event is refused for it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidEvent(f"user_agent: expected text, not a {type(value).__name__}")
    text = value[:MOST_AGENT]
    return text if text.isprintable() else "".join(character for character in text if character.isprintable())


@lru_cache(MOST_REPORTED)
def _name(name: Any) -> str:
    """Give a name that can be sent; an application has few, so each is looked at once."""
    if not isinstance(name, str):
        raise InvalidEvent(f"a property's name is a {type(name).__name__}; names are text")
    if len(name) > MOST_NAME:
        raise InvalidEvent(f"{_shown(name)}: a name of {len(name)} characters; at most {MOST_NAME}")
    if not name.isascii() or not name.isprintable() or not name.strip():
        raise InvalidEvent(f"{shown_name(name)!r}: property names are printable ASCII (page, section 4)")
    if name in ANSWER_FORMS or name == CACHE_BUSTER:
        raise InvalidEvent(f"{name}: the worker reads the answer, so its form cannot be chosen here")
    if name in NOTES:
        raise InvalidEvent(f"{name}: reserved for leadrelay; choose another name")
    return name


def _shown(name: Any) -> str:
    return shown_name(name) if isinstance(name, str) else type(name).__name__


def _check(texts: Mapping[str, str]) -> None:
    """Refuse what is surely wrong, and report once per name what is odd."""
    if not texts.get("si", "").strip():
        raise InvalidEvent("si: no dataset id; pass si= or set LEADRELAY_DATASET_ID")
    for name in STRICT & texts.keys():
        check = PARAMETERS[name].check
        if not check.holds(texts[name]):
            raise InvalidEvent(f"{name}: expected {check.expected}")
    for name in texts.keys() - _reported:
        _report(name, texts[name])


def _report(name: str, text: str) -> None:
    known = name in PARAMETERS
    if not known and len(_reported) >= MOST_REPORTED:
        return
    odd = doubts(name, text)
    if odd or not known:
        _reported.add(name)
    if odd:
        logger.warning("property %s: %s", shown_name(name), odd)
