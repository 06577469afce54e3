"""Events that cannot be sent: kept as far as they have a form, to become dead letters that can be edited."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from leadrelay.errors import InvalidEvent
from leadrelay.event import MOST_BYTES, MOST_NAME, MOST_PROPERTIES, Event
from leadrelay.ids import derived_eid, new_eid
from leadrelay.interruption import let_through
from leadrelay.trackapi.answers import is_event_id
from leadrelay.trackapi.forms import INVALID
from leadrelay.trackapi.values import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INVALID", "is_refused", "refused"]

#: Properties and characters of each value that are kept: all, unless the event is too large for a message.
_KEPT = ((MOST_PROPERTIES, MOST_BYTES), (MOST_PROPERTIES, 250), (MOST_PROPERTIES, 20), (20, 20))
_START = f'{{"{INVALID}":'.encode()


def refused(call: Mapping[str, Any], dataset: str, error: Exception) -> Event:
    """Make an event of arguments that no event can be made of; never raises.

    Args:
        call: Options and wire parameters as the call gave them.
        dataset: `si` unless the call has one.
        error: Why; its text is kept when it is ours (it names a property and no value), else its class.
    """
    named = {name: value for name, value in call.items() if name != "properties" and value is not None}
    properties = call.get("properties")
    named |= properties if isinstance(properties, dict) else {}
    texts = {_text(name)[:MOST_NAME]: _text(value) for name, value in list(named.items())[:MOST_PROPERTIES]}
    key = texts.pop("idempotency_key", "")
    si, given = texts.get("si") or dataset, texts.get("eid", "")
    eid = derived_eid(si, key) if key else given if is_event_id(given) else new_eid()
    why = str(error) if isinstance(error, InvalidEvent) else f"it could not be read ({type(error).__name__})"
    for most, longest in _KEPT:
        short = {name: text[:longest] for name, text in list(texts.items())[:most]}
        wire = {INVALID: why, **short, "si": si[:longest], "eid": eid}
        rendered = json.dumps(wire, ensure_ascii=False, separators=(",", ":")).encode()
        if len(rendered) <= MOST_BYTES:
            break
    return Event(eid, wire, rendered, "")


def is_refused(payload: bytes) -> bool:
    """Tell whether a payload is of such an event."""
    return payload.startswith(_START)


def _text(value: Any) -> str:
    """Give a value as text; of one that has no form on the wire, the name of its type."""
    try:
        text = to_text("", value) or ""
    except Exception as error:  # noqa: BLE001 - a value of the application's own class may do anything
        let_through(error)
        return f"<{type(value).__name__}>"
    return text.encode("utf-8", "replace").decode()
