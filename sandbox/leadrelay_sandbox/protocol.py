"""uvicorn's HTTP protocol, with what a stand-in needs beyond it: cutting connections, and a limit for heads."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from leadrelay_sandbox.server import Sandbox

#: Bytes that may come without a request or a part of a body being whole; the parser itself keeps any number of them.
MOST_HEAD = 64 * 1024
#: Characters of the parser's own words.
_LONGEST_REASON = 100
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


class SandboxProtocol(HttpToolsProtocol):
    """See the module."""

    _without_end = 0

    def data_received(self, data: bytes) -> None:
        """Parse what has come; end the connection when a request line, headers or trailers have no end."""
        self._without_end += len(data)
        super().data_received(data)
        if self._without_end > MOST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
            self._tell(431, "a request line or headers without end")

    def on_message_begin(self) -> None:
        """Offer the cut to the application through the scope."""
        super().on_message_begin()
        self._without_end = 0
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # uvicorn's own type names no extensions of others
        scope["extensions"] = {"leadrelay.cut": self.transport.abort}

    def on_body(self, body: bytes) -> None:
        """Count anew after each part of a body."""
        self._without_end = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew after each request."""
        self._without_end = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and keep that it came, with what the parser says of it."""
        super().send_400_response(msg)
        self._tell(400, f"not HTTP: {str(sys.exception() or msg)[:_LONGEST_REASON]}")

    def _tell(self, status: int, reason: str) -> None:
        task = asyncio.ensure_future(cast("Sandbox", self.app).not_http(status, reason))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
