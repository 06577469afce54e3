"""uvicorn's HTTP protocol, with what it lacks: bounds for what it keeps, and a way to cut a connection.

It is as strict as RFC 9112 where the end of a request could be doubted, since a proxy in front may read it otherwise:
the parser refuses two lengths, a length beside chunks, folded lines and lines that end with LF alone; we, codings that
are not `chunked`. Fields after a chunked body are left out: they would be taken for headers that the proxy let through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from leadrelay.serving.asgi import CUT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sized

#: Bytes that may come without a request or a part of a body being whole; the parser itself keeps any number of them.
MOST_HEAD = 64 * 1024
#: Headers of a request.
MOST_HEADERS = 100
#: Requests that wait behind another one of their connection, and on all connections; each needs some 4 KB.
MOST_WAITING, MOST_WAITING_IN_ALL = 1_000, 10_000
#: Characters of the parser's own words.
_LONGEST_REASON = 100
_NO_BODY = b"content-type: text/plain; charset=utf-8\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class _Flow(FlowControl):
    """Reads no further while requests wait: the one under way has come whole."""

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        if not self._waiting:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """See the module."""

    #: Requests that wait, of all connections and of this one.
    _waiting_in_all: ClassVar[int] = 0
    _waiting = 0
    _without_end = 0
    _in_head = False
    #: Why no more of this connection is taken.
    _refusal: tuple[int, str] | None = None
    _stopped = False

    def not_http(self, status: int, reason: str) -> None:
        """Hear what came that is no request; it is not answered where answers to others are under way."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Begin, with a flow of our own."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self.pipeline)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        super().connection_lost(exc)
        self.pipeline.clear()
        self._count()

    def data_received(self, data: bytes) -> None:
        """Parse what has come; end the connection when a request line, headers or trailers have no end."""
        if self._stopped:
            return
        self._unset_keepalive_if_required()
        self._without_end += len(data)
        try:
            self._parse(memoryview(data))
        except httptools.HttpParserError as error:
            self._stop(*(self._refusal or (400, f"not HTTP: {str(error)[:_LONGEST_REASON]}")))
        else:
            if self._without_end > MOST_HEAD:
                self._stop(431, "a request line or headers without end")

    def _parse(self, data: memoryview) -> None:
        """Parse; a request that would rather speak HTTP/2 or WebSocket is read as one that would not."""
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                self.parser.feed_data(self._head_without_upgrade())
                data = data[upgrade.args[0] :]
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        lines += [b"%b: %b" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _refuse(self, status: int, reason: str) -> None:
        """Take no more of this connection; raises what the parser ends with."""
        self._refusal = (status, reason)
        raise ValueError(reason)

    def _stop(self, status: int, reason: str) -> None:
        """Answer why no more is taken, unless answers are owed: then the last of them ends the connection."""
        self._stopped = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            cycle.keep_alive = False
        else:
            self.transport.write(STATUS_LINE[status] + _NO_BODY)
            self.transport.close()
        self.not_http(status, reason)

    def _count(self) -> None:
        """Tell the others how many requests wait here."""
        BoundedProtocol._waiting_in_all += len(self.pipeline) - self._waiting
        self._waiting = len(self.pipeline)

    # What the parser tells --------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Offer the cut to the application through the scope."""
        if self._waiting >= MOST_WAITING or (self._waiting and self._waiting_in_all >= MOST_WAITING_IN_ALL):
            self._refuse(503, "too many requests before the answers")
        super().on_message_begin()
        self._without_end, self._in_head = 0, True
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # uvicorn's own type names no extensions of others
        scope["extensions"] = {CUT: self.transport.abort}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, if it is one."""
        if not self._in_head:
            return
        if len(self.headers) == MOST_HEADERS:
            self._refuse(431, f"more than {MOST_HEADERS} headers")
        if name.lower() == b"transfer-encoding" and value.lower() != b"chunked":
            self._refuse(501, "a transfer coding other than chunked")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin the request, unless it is read once more without its upgrade."""
        self._in_head = False
        if not self._is_upgrade():
            super().on_headers_complete()
            self._count()

    def on_body(self, body: bytes) -> None:
        """Count anew after each part of a body."""
        self._without_end = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count anew after each request."""
        self._without_end = 0
        if not self._is_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begin the next request."""
        super().on_response_complete()
        self._count()

    def _is_upgrade(self) -> bool:
        return bool(self.parser.should_upgrade()) and self.parser.get_method() != b"CONNECT"
