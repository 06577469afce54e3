"""A context that travels in a message of the application's own queue: plain JSON, bounded, nothing but wire names.

It holds personal data (the visitor's address, ids), as the events do that are tracked with it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from leadrelay.contexts import PERSON, VISITOR
from leadrelay.errors import InvalidEvent
from leadrelay.trackapi.masking import shown_name
from leadrelay.trackapi.values import to_text

logger = logging.getLogger(__name__)

#: Bytes of JSON that travel with one message; a request's own part is below 1 KB but for long URLs.
MOST_BYTES = 4096


def packed(found: Mapping[str, Any]) -> dict[str, str | bool]:
    """Give a context as it travels, its values as the wire has them.

    What does not fit is left out and logged by name: first properties of the application's own, then those of the
    visitor, the longest of each kind first; a person's names last.

    Args:
        found: As `context.current` gives it.
    """
    texts = {name: text for name, value in found.items() if (text := _text(name, value)) is not None}
    kept: dict[str, str | bool] = {}
    room = MOST_BYTES - 2
    for name in sorted(texts, key=lambda name: (_kind(name), len(str(texts[name])))):
        room -= len(json.dumps({name: texts[name]}))
        if room < 0:
            logger.warning(
                "context: %s and what is longer does not travel (at most %d bytes)", shown_name(name), MOST_BYTES
            )
            break
        kept[name] = texts[name]
    return kept


def unpacked(carried: Any) -> dict[str, Any]:
    """Give the context in a message, ``{}`` for anything else that may stand there."""
    if not isinstance(carried, Mapping):
        return {}
    fits = {name: value for name, value in carried.items() if isinstance(name, str) and isinstance(value, str | bool)}
    return {name: value for name, value in fits.items() if name not in {"ti", "eid", "idempotency_key"}}


def _kind(name: str) -> int:
    return 0 if name in PERSON else 1 if name in VISITOR else 2


def _text(name: str, value: Any) -> str | bool | None:
    if isinstance(value, bool) and name == "lane":
        return value
    try:
        return to_text(name, value)
    except InvalidEvent:
        return None  # the event that it was meant for says so
