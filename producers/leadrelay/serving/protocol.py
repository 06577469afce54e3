"""uvicorn's HTTP protocol, with what it lacks: a limit for heads, and a way to cut a connection."""

from __future__ import annotations

import sys
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from leadrelay.serving.asgi import CUT

#: Bytes that may come without a request or a part of a body being whole; the parser itself keeps any number of them.
MOST_HEAD = 64 * 1024
#: Characters of the parser's own words.
_LONGEST_REASON = 100
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class BoundedProtocol(HttpToolsProtocol):
    """See the module."""

    _without_end = 0

    def not_http(self, status: int, reason: str) -> None:
        """Hear what came that is no request; it has been answered."""

    def data_received(self, data: bytes) -> None:
        """Parse what has come; end the connection when a request line, headers or trailers have no end."""
        self._without_end += len(data)
        super().data_received(data)
        if self._without_end > MOST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
            self.not_http(431, "a request line or headers without end")

    def on_message_begin(self) -> None:
        """Offer the cut to the application through the scope."""
        super().on_message_begin()
        self._without_end = 0
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # uvicorn's own type names no extensions of others
        scope["extensions"] = {CUT: self.transport.abort}

    def on_body(self, body: bytes) -> None:
        """Count anew after each part of a body."""
        self._without_end = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew after each request."""
        self._without_end = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and tell what the parser says of it."""
        super().send_400_response(msg)
        self.not_http(400, f"not HTTP: {str(sys.exception() or msg)[:_LONGEST_REASON]}")
