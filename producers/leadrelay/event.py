"""Events: the immutable thing tracked, checked at the door."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadrelay.errors import InvalidEvent
from leadrelay.lane import lane_of, scope_of
from leadrelay.trackapi.forms import PRIVATE, USER_AGENT
from leadrelay.trackapi.parameters import ANSWER_FORMS, CACHE_BUSTER, PARAMETERS, doubts
from leadrelay.trackapi.proxy import sends_proxy
from leadrelay.trackapi.values import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

#: Bytes of one payload: far above any real event, far below what would hold the queue up.
MOST_BYTES = 64 * 1024
#: Properties of one event.
MOST_PROPERTIES = 200

_PROXY = {"auto": "auto", "true": "true", "1": "true", "": "true", "false": "false", "0": "false"}

_reported: set[str] = set()


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """One event, ready to be enqueued; make it with `Event.create`.

    Args:
        eid: Its id, the same for every attempt.
        wire: Wire parameters as text, `si`, `ti` and `eid` among them.
        lane_override: `lane=` of the call; ``""`` turns order off, None takes the identity.
    """

    eid: str
    wire: Mapping[str, str]
    lane_override: str | None = None

    @classmethod
    def create(
        cls,
        title: str,
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
            title: `ti`, shown in the user's clickstream.
            eid: Its id.
            si: Dataset id.
            properties: More wire parameters, for names that are not identifiers.
            user_agent: The visitor's; forwarded.
            lane: A key of order, or False for none.
            default_proxy: `auto`, `true` or `false`, for an event that has no `proxy` (`trackapi.proxy.TABLE`).
            wire: Wire parameters under their own names.

        Raises:
            InvalidEvent: Names what is wrong, never a value.
        """
        if not si:
            raise InvalidEvent("si: no dataset id; pass si= or set LEADRELAY_DATASET_ID")
        if not title or not isinstance(title, str):
            raise InvalidEvent("ti: an event needs a title, as text")
        named = {"si": si, "ti": title, **wire, **(properties or {})}
        asked = _asked_proxy(named.pop("proxy", None), default_proxy)
        texts = {name: text for name, value in named.items() if (text := to_text(_name(name), value)) is not None}
        texts["eid"] = eid
        for name, text in texts.items():
            _report(name, text)
        if user_agent:
            texts[USER_AGENT] = user_agent
        if sends_proxy(asked, visitor="ip" in texts and bool(user_agent)):
            texts["proxy"] = "true"
        if len(texts) > MOST_PROPERTIES:
            raise InvalidEvent(f"{len(texts)} properties; at most {MOST_PROPERTIES}")
        return cls(eid, texts, "" if lane is False else None if lane in (None, True) else str(lane))

    def payload(self) -> bytes:
        """Render as the queue keeps it: a JSON object of the wire parameters.

        Raises:
            InvalidEvent: It is larger than `MOST_BYTES`, or not text that UTF-8 can carry.
        """
        try:
            rendered = _dumps(self.wire).encode()
        except UnicodeEncodeError:
            broken = next(name for name, text in self.wire.items() if _broken(text))
            raise InvalidEvent(f"{broken}: not valid Unicode (half of a surrogate pair)") from None
        if len(rendered) > MOST_BYTES:
            largest = max(self.wire, key=lambda name: len(self.wire[name]))
            raise InvalidEvent(f"{largest}: the event has {len(rendered)} bytes; at most {MOST_BYTES}")
        return rendered

    def lane(self, secret: str) -> str:
        """Give its lane key, ``""`` for none."""
        return "" if self.lane_override == "" else lane_of(self.wire, secret, self.lane_override)

    def scope(self) -> str:
        """Give the short hash of its dataset."""
        return scope_of(self.wire)

    def __repr__(self) -> str:
        """Show no properties."""
        return f"Event(eid={self.eid!r})"


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def _broken(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _name(name: str) -> str:
    if not name.isascii() or not name.isprintable() or not name.strip():
        raise InvalidEvent(f"{name!r}: property names are printable ASCII (page, section 4)")
    if name in ANSWER_FORMS or name == CACHE_BUSTER:
        raise InvalidEvent(f"{name}: the worker reads the answer, so its form cannot be chosen here")
    if name.startswith(PRIVATE):
        raise InvalidEvent(f"{name}: names that begin with {PRIVATE!r} are reserved")
    return name


def _report(name: str, text: str) -> None:
    """Log what is odd about a property, once per name; what the endpoint makes of it is not documented."""
    if name in _reported or len(_reported) >= MOST_PROPERTIES:
        return
    odd = doubts(name, text)
    if odd or name not in PARAMETERS:
        _reported.add(name)  # an unknown name is looked at once: likening it to the known ones takes long
    if odd:
        logger.warning("property %s: %s", name, odd)


def _asked_proxy(value: object, default: str) -> str:
    asked = default if value is None else str(value).lower()
    if asked not in _PROXY:
        raise InvalidEvent("proxy: true, false or auto")
    return _PROXY[asked]
