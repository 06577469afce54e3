"""Python values to the text that the wire carries; docs/track-api.md lists them under "Values and their texts"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any
from uuid import UUID

from leadrelay.errors import InvalidEvent
from leadrelay.interruption import let_through
from leadrelay.trackapi.masking import shown_name

if TYPE_CHECKING:
    from collections.abc import Callable

#: Digits of one number: every float has fewer; a slip of the exponent (`1E+999999`) must not fill the memory.
MOST_DIGITS = 400
_MOST = 10**MOST_DIGITS

#: Lazy translations (Django's and Babel's among them), known by name so that neither is imported.
_LAZY = frozenset({"__proxy__", "LazyString", "_LazyString", "LazyProxy"})

#: What to do about a value that has no single text, by its type; the first that matches.
_HINTS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (Mapping, "pass its parts as properties of their own"),
    ((list, tuple, set, frozenset), "join it into one text, or pass properties of their own"),
    ((bytes, bytearray, memoryview), "decode it to text"),
)


def to_text(name: str, value: Any) -> str | None:
    """Give a value as the wire carries it; None is left out.

    Args:
        name: Of the property, for the message.
        value: Text, a number, bool (`true`, `false`), Decimal, UUID, date or aware datetime (ISO 8601), Enum of these,
            or a lazy translation. Numbers are written out in digits, never with an exponent, and zero has no sign;
            text stays as it is, line breaks and NULs in it too.

    Raises:
        InvalidEvent: It has no single meaning as text, or is no text that UTF-8 can carry; names the property, never
            the value.
    """
    text = value if type(value) is str else _written(name, value)
    if text is None:
        return None
    if not text.isascii() and not _encodes(text):
        raise InvalidEvent(f"{shown_name(name)}: not valid Unicode (half of a surrogate pair)")
    return text


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _written(name: str, value: Any) -> str | None:
    if value is None:
        return None
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(name, value)
    if type(value).__name__ in _LAZY:
        return _lazy(name, value)
    hint = next((hint for kind, hint in _HINTS if isinstance(value, kind)), None)
    hint = hint or ("pass what it returns" if callable(value) else "pass text or a number, such as its id")
    raise InvalidEvent(f"{shown_name(name)}: a value of type {type(value).__name__} has no form on the wire; {hint}")


def _integer(name: str, value: int) -> str:
    if not -_MOST < value < _MOST:
        raise InvalidEvent(f"{shown_name(name)}: a number of more than {MOST_DIGITS} digits")
    return int.__repr__(value)


def _float(name: str, value: float) -> str:
    if not isfinite(value):
        raise InvalidEvent(f"{shown_name(name)}: not a finite number")
    return _decimal(name, Decimal(float.__repr__(value)))


def _decimal(name: str, value: Decimal) -> str:
    if not value.is_finite():
        raise InvalidEvent(f"{shown_name(name)}: not a finite number")
    _, digits, exponent = value.as_tuple()
    if len(digits) + abs(int(exponent)) > MOST_DIGITS:
        raise InvalidEvent(f"{shown_name(name)}: a number of more than {MOST_DIGITS} digits")
    return Decimal.__format__(value or value.copy_abs(), "f")


def _moment(name: str, value: datetime) -> str:
    if value.utcoffset() is None:
        raise InvalidEvent(f"{shown_name(name)}: a time without a time zone; use an aware datetime")
    return value.isoformat()


def _lazy(name: str, value: Any) -> str:
    try:
        return str.__str__(str(value))
    except Exception as error:  # noqa: BLE001 - code of a translation; its message may hold the text
        let_through(error)
        failed = type(error).__name__
    raise InvalidEvent(f"{shown_name(name)}: a lazy text that cannot be read here ({failed}); pass str() of it")


#: How each type is written; the first that matches, so a type stands before what it derives from.
_WRITERS: tuple[tuple[type, Callable[[str, Any], str | None]], ...] = (
    (Enum, lambda name, value: to_text(name, value.value)),
    (str, lambda _, value: str.__str__(value)),
    (bool, lambda _, value: "true" if value else "false"),
    (int, _integer),
    (float, _float),
    (Decimal, _decimal),
    (datetime, _moment),
    (date, lambda _, value: date.isoformat(value)),
    (UUID, lambda _, value: str(value)),
)
