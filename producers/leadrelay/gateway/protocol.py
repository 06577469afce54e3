"""The gateway's HTTP protocol: a bounded number of connections, and none of them slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from leadrelay.gateway.limits import SLOW_S
from leadrelay.serving.protocol import BoundedProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from leadrelay.gateway.app import Gateway
    from leadrelay.gateway.counts import Counts


class GatewayProtocol(BoundedProtocol):
    """See the module."""

    #: Since when a request, or the taking of an answer, is not complete; None while neither is under way.
    _reading_since: float | None = None
    _writing_since: float | None = None

    @property
    def gateway(self) -> Gateway:
        """The application."""
        return cast("Gateway", self.app)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Cut one connection too many."""
        super().connection_made(transport)
        self._reading_since = self.loop.time()
        if len(self.connections) > self.gateway.most_connections:
            self.gateway.counts.too_many += 1
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take the time of the first byte of a request."""
        if self._reading_since is None:
            self._reading_since = self.loop.time()
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Take the time, of a request that came together with the one before, too."""
        super().on_message_begin()
        self._reading_since = self.loop.time()

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._reading_since = None

    def on_response_complete(self) -> None:
        """End the connection if a body still comes that nobody waits for, such as a GET's."""
        unread = not self.pipeline and self.cycle.more_body
        super().on_response_complete()
        if unread:
            self.transport.close()

    def pause_writing(self) -> None:
        """The client does not take its answers."""
        super().pause_writing()
        self._writing_since = self.loop.time()

    def resume_writing(self) -> None:
        """The client took them."""
        super().resume_writing()
        self._writing_since = None

    def not_http(self, status: int, reason: str) -> None:  # noqa: ARG002 - nobody reads the parser's words here
        """Count it."""
        self.gateway.counts.requests[str(status)] += 1

    def is_slow(self, now: float) -> bool:
        """Tell whether a request or the taking of an answer takes longer than `SLOW_S`."""
        return any(since is not None and now - since > SLOW_S for since in (self._reading_since, self._writing_since))


def cut_slow(connections: Iterable[GatewayProtocol], now: float, counts: Counts) -> None:
    """Cut connections that are slow; `now` in seconds of the event loop's clock."""
    for connection in list(connections):
        if connection.is_slow(now):
            counts.slow += 1
            connection.transport.abort()
