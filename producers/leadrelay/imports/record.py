"""Lines, records, and what cannot become an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

UTF_8 = "utf-8"
ISO_8859_1 = "iso-8859-1"

#: Bytes of a line, and of a record of several lines; an event may have 64 KiB (`event.MOST_BYTES`).
MOST_BYTES = 256 * 1024

_NOTE = b"#leadrelay line "


class RejectedLine(ValueError):
    """A record cannot become an event; the message says why, never what it holds."""


class ImportMistake(ValueError):
    """The source, or the options, cannot be used at all; the message says what to do."""


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """One line of a source.

    Args:
        number: From 1.
        raw: As it is in the source, with its end; cut where it is too long.
        fault: Why it could not be read whole, ``""`` when it was.
    """

    number: int
    raw: bytes
    fault: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Record:
    """What may become one event.

    Args:
        number: Of its first line.
        raw: Its lines.
        key: What is equal for equal records, also of different files.
        read: Gives its values by name; raises RejectedLine.
        charset: `UTF_8` or `ISO_8859_1`.
    """

    number: int
    raw: bytes
    key: bytes
    read: Callable[[], dict[str, Any]]
    charset: str = UTF_8


def text_of(raw: bytes) -> tuple[str, str]:
    """Decode a line: UTF-8, else ISO-8859-1; gives the text and its charset.

    Raises:
        RejectedLine: It is neither (bytes 80 to 9F are control characters there, and letters in Windows-1252).
    """
    try:
        return raw.decode(), UTF_8
    except UnicodeDecodeError:
        text = raw.decode(ISO_8859_1)
    if any("\x80" <= character <= "\x9f" for character in text):
        raise RejectedLine("neither UTF-8 nor ISO-8859-1 (perhaps Windows-1252: save the file as UTF-8)")
    return text, ISO_8859_1


def note(number: int, reason: str) -> bytes:
    """Give the line that stands in front of a rejected one where they are kept."""
    return _NOTE + f"{number}: {reason}\n".encode()


def is_note(raw: bytes) -> bool:
    """Whether a line is such a note: an import of mended lines passes it over."""
    return raw.startswith(_NOTE)


def rejected(reason: str) -> dict[str, Any]:
    """Raise RejectedLine: the `read` of a record that is known to be broken."""
    raise RejectedLine(reason)
