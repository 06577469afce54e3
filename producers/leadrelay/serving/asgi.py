"""What an ASGI application says and hears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Headers = tuple[tuple[bytes, bytes], ...]

#: The extension of a request's scope that cuts its connection (`serving.protocol`).
CUT = "leadrelay.cut"
TEXT = b"text/plain; charset=utf-8"
#: A body that is larger is not read; the vendor names no limit (facts.md, last table).
MOST_BODY = 1024 * 1024
#: Answers that have no body.
_BODYLESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    body: bytes
    content_type: bytes = TEXT
    headers: Headers = ()


class Gone(Exception):
    """The client went away before its request was whole."""


class Refused(Exception):
    """A request is not taken: the status of the answer, and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        """See the class."""
        super().__init__(reason)
        self.status = status
        self.reason = reason


def header_of(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> bytes:
    """Give the first value of a header, by its name in lower case; ``b""`` without one."""
    return next((value for name, value in headers if name == wanted), b"")


async def read_body(receive: Receive, most: int = MOST_BODY) -> bytes:
    """Read a request's body.

    Args:
        receive: Of the request.
        most: Bytes that are read.

    Raises:
        Gone: It did not come whole.
        Refused: It is larger than `most`; the rest is not read.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise Refused(413, f"body too large: more than {most} bytes (a limit of ours)")
        parts.append(part)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def answer(send: Send, reply: Reply) -> None:
    """Send an answer."""
    headers = [(b"content-type", reply.content_type), *reply.headers]
    if reply.status in _BODYLESS:
        body = b""
    else:
        body = reply.body
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def cut(scope: Scope, receive: Receive) -> None:
    """Cut a request's connection, and return when it is cut."""
    scope["extensions"][CUT]()
    while (await receive())["type"] != "http.disconnect":
        pass
