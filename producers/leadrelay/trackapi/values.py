"""Python values to the text that the wire carries."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

from leadrelay.errors import InvalidEvent

#: Types with one meaning as text, and lazy translations (Django's and Babel's), known by name to import neither.
_PLAIN = (str, int, float, Decimal, UUID, datetime)
_LAZY = frozenset({"__proxy__", "LazyString", "_LazyString", "LazyProxy"})
_NESTED = (dict, list, tuple, set, frozenset)


def to_text(name: str, value: Any) -> str | None:
    """Give a value as the wire carries it; None is left out.

    Args:
        name: Of the property, for the message.
        value: Text, a number, bool (`true`, `false`), Decimal, UUID, aware datetime (ISO 8601), Enum of these, or a
            lazy translation.

    Raises:
        InvalidEvent: It has no single meaning as text; names the property, never the value.
    """
    if value is None or type(value) is str:
        return value
    if isinstance(value, Enum):
        return to_text(name, value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    _refuse(name, value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _refuse(name: str, value: Any) -> None:
    if isinstance(value, float | Decimal) and not isfinite(value):
        raise InvalidEvent(f"{name}: not a finite number")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise InvalidEvent(f"{name}: a time without a time zone; use an aware datetime")
    if not isinstance(value, _PLAIN) and type(value).__name__ not in _LAZY:
        hint = "pass its parts as properties" if isinstance(value, _NESTED) else "pass text or a number"
        raise InvalidEvent(f"{name}: a {type(value).__name__} has no form on the wire; {hint}")
