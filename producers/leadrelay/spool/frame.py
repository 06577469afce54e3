"""Frames: how an event stands in a segment. A header (magic, length, checksum, stamp) and a body.

The magic begins with a byte that UTF-8 does not have, so that no event can contain one: after damage, the next frame
can be found.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from leadrelay.entry import Entry

_HEADER = struct.Struct("<4sIIQ")
_STAMP = struct.Struct("<Q")
_MAGIC = b"\xffLR1"
#: Bytes of the largest frame; an event has 64 KiB at most.
MOST_BYTES = 128 * 1024
#: Lines before the payload: eid, lane, scope, dataset, title.
_LINES = 5


@dataclass(frozen=True, slots=True)
class Frame:
    """An event as it was read.

    Args:
        stamp: Its place in the order of the home.
        entry: The event.
        end: Where the next frame begins.
    """

    stamp: int
    entry: Entry
    end: int


def pack(stamp: int, entry: Entry) -> bytes:
    """Give the bytes of a frame.

    Raises:
        ValueError: It is too large.
    """
    head = f"{entry.eid}\n{entry.lane}\n{entry.scope}\n{entry.dataset}\n{entry.title}\n"
    body = head.encode() + entry.payload
    if _HEADER.size + len(body) > MOST_BYTES:
        message = f"an event of {len(body)} bytes"
        raise ValueError(message)
    return _HEADER.pack(_MAGIC, len(body), _checksum(stamp, body), stamp) + body


def unpack(data: bytes, at: int) -> Frame | None:
    """Read the frame that begins at `at`; None when there is none, it is not complete, or it is damaged."""
    start = at + _HEADER.size
    if start > len(data):
        return None
    magic, length, checksum, stamp = _HEADER.unpack_from(data, at)
    end = start + length
    if magic != _MAGIC or end > len(data):
        return None
    body = data[start:end]
    if _checksum(stamp, body) != checksum or body.count(b"\n") < _LINES:
        return None
    *lines, payload = body.split(b"\n", _LINES)
    eid, lane, scope, dataset, title = (line.decode("utf-8", "replace") for line in lines)
    return Frame(stamp, Entry(eid, lane, scope, payload, dataset, title), end)


def find(data: bytes, at: int) -> int:
    """Give where the next whole frame begins, from `at` on; -1 when there is none."""
    while (at := data.find(_MAGIC, at)) >= 0:
        if unpack(data, at):
            return at
        at += 1
    return -1


def torn(data: bytes) -> bool:
    """Tell whether this may be the beginning of a frame whose writer was killed, or still writes; else it is damage."""
    if len(data) < _HEADER.size:
        return data[: len(_MAGIC)] == _MAGIC[: len(data)]
    magic, length, _, _ = _HEADER.unpack_from(data)
    return bool(magic == _MAGIC and len(data) < _HEADER.size + length <= MOST_BYTES)


def _checksum(stamp: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(_STAMP.pack(stamp)))
