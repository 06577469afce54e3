"""The legacy upload of offline clients: a form's file, a gzip of Track API URLs, one a line; pure (facts.md)."""

from __future__ import annotations

import zlib
from email.message import Message
from typing import TYPE_CHECKING

from leadrelay.gateway.limits import MOST_HEADER, MOST_LINES, MOST_MEMBERS, MOST_PARTS, MOST_UNPACKED
from leadrelay.ids import derived_eid
from leadrelay.serving.asgi import Refused
from leadrelay.trackapi.forms import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/upload/upload.jsp"
#: Names that real clients give the file.
FIELDS = frozenset({"upload", "file"})
_MAGIC = b"\x1f\x8b\x08"
#: Bytes of something else that one client writes before its file.
_MOST_PREAMBLE = 1024
#: Lines of an upload that are made into events in one go, and their bytes; between two goes other requests are served.
_MOST_IN_PART, _MOST_PART_BYTES = 250, 16 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def lines_of(content_type: str, body: bytes) -> list[bytes]:
    """Give the URLs of an upload.

    Args:
        content_type: Of the request, with the boundary of its parts.
        body: As received.

    Raises:
        Refused: It is no upload, or larger than the limits.
    """
    for name, part in _parts(content_type, body):
        if name in FIELDS:
            text = unpacked(part)
            if text.count(b"\n") > MOST_LINES:
                raise Refused(413, f"more than {MOST_LINES} lines (a limit of ours)")
            return [line.strip() for line in text.split(b"\n") if line.strip()]
    raise Refused(400, f"no file: send it as the field {' or '.join(sorted(FIELDS))}")


def unpacked(packed: bytes) -> bytes:
    """Unpack a gzip, and no more of it than `MOST_UNPACKED`.

    Raises:
        Refused: It is none, not whole, or larger.
    """
    at = packed.find(_MAGIC, 0, _MOST_PREAMBLE)
    if at < 0:
        raise Refused(400, "the file is not a gzip")
    found, rest, members = b"", packed[at:], 0
    while rest.startswith(_MAGIC):  # a gzip may have several members
        members += 1
        if members > MOST_MEMBERS:
            raise Refused(413, f"a gzip of more than {MOST_MEMBERS} members (a limit of ours)")
        unpacker = zlib.decompressobj(_GZIP)
        try:
            found += unpacker.decompress(rest, MOST_UNPACKED + 1 - len(found))
        except zlib.error:
            raise Refused(400, "the file is not a whole gzip") from None
        if len(found) > MOST_UNPACKED:
            raise Refused(413, f"more than {MOST_UNPACKED} bytes unpacked (a limit of ours)")
        if not unpacker.eof:
            raise Refused(400, "the file is not a whole gzip")
        rest = unpacker.unused_data
    return found


def parts_of(lines: list[bytes]) -> Iterator[slice]:
    """Give the places of lines that are made into events in one go: few, since no request is served meanwhile.

    A line of many fields takes as long as many lines, so it is their bytes that count (1 ms each KB on a slow machine).
    """
    start = size = 0
    for place, line in enumerate(lines):
        if place > start and (place - start == _MOST_IN_PART or size + len(line) > _MOST_PART_BYTES):
            yield slice(start, place)
            start, size = place, 0
        size += len(line)
    yield slice(start, len(lines))


def params_of(url: bytes) -> dict[str, str]:
    """Give the parameters of a line."""
    return parameters(url.partition(b"#")[0].partition(b"?")[2])


def eids_of(lines: list[bytes], agent: str) -> Iterator[str | None]:
    """Give an id for each line that has none of its own, so that an upload that comes again is the same events.

    A line with `t_ms` is told by its text, by the client's User-Agent and by how many equal lines stand before it.
    Without a time an equal line may well be another event: it gets None, for a new id.
    """
    seen: dict[bytes, int] = {}
    for line in lines:
        before = seen.get(line, 0)
        seen[line] = before + 1
        yield derived_eid("upload", agent, line, str(before)) if b"t_ms=" in line else None


def _parts(content_type: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    """Give name and content of each part; what stands before the first one is passed over."""
    if len(content_type) > MOST_HEADER:
        raise Refused(413, f"a content type of more than {MOST_HEADER} bytes (a limit of ours)")
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not boundary:
        raise Refused(415, "send multipart/form-data")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("utf-8", "replace"), MOST_PARTS + 1)
    for part in parts[1 : MOST_PARTS + 1]:
        head, _, content = part.partition(b"\r\n\r\n")
        yield _name(head), content


def _name(head: bytes) -> str:
    for line in head[: 2 * MOST_HEADER].decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-disposition" and len(value) <= MOST_HEADER:
            header = Message()
            header["content-disposition"] = value
            return str(header.get_param("name", "", "content-disposition"))
    return ""
