"""From settings to a running gateway."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from leadrelay import broker
from leadrelay.client import Client
from leadrelay.errors import ConfigurationError, LeadrelayError
from leadrelay.gateway.app import Gateway
from leadrelay.gateway.counts import Counts
from leadrelay.gateway.intake import Intake
from leadrelay.gateway.limits import CALL_S, IDLE_S, STOP_S
from leadrelay.gateway.protocol import GatewayProtocol, cut_slow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leadrelay.event import Event
    from leadrelay.gateway.rules import Rules
    from leadrelay.settings import Settings

#: Seconds that the broker may take for one reply; a call needs two, and may be tried again.
_REPLY_S = 0.4
#: Seconds for which an answer about readiness stands.
_READY_FOR_S = 1.0


class Way:
    """Where events go: the one place that knows how they are made safe.

    Args:
        settings: This process's.
    """

    def __init__(self, settings: Settings) -> None:
        """Open the queue; errors as `broker.open_queue`."""
        self._client = Client(settings, broker.open_queue(settings, timeout_s=_REPLY_S))
        self._told = (0.0, False)

    def accept(self, events: list[Event]) -> None:
        """Return once events are safe; raises NotAccepted."""
        self._client.track(events, budget_s=CALL_S)

    async def ready(self) -> bool:
        """Tell whether an event could be made safe now; asked at most once a second."""
        until, answer = self._told
        if time.monotonic() >= until:
            self._told = (time.monotonic() + _READY_FOR_S, answer)
            answer = await asyncio.to_thread(self._accepts)
            self._told = (time.monotonic() + _READY_FOR_S, answer)
        return answer

    def close(self) -> None:
        """Write down what is not written yet."""
        if self._client.queue.witness:
            self._client.queue.witness.flush()

    def _accepts(self) -> bool:
        try:
            self._client.queue.enqueue([])  # refused by a full broker as an event would be
        except LeadrelayError:
            return False
        return True


class Server(uvicorn.Server):
    """uvicorn's server, which looks after slow connections each second.

    Args:
        config: Of uvicorn.
        counts: Of the gateway.
    """

    def __init__(self, config: uvicorn.Config, counts: Counts) -> None:
        """See the class."""
        super().__init__(config)
        self._counts = counts

    async def on_tick(self, counter: int) -> bool:
        """Look, at every tenth of uvicorn's ticks."""
        if counter % 10 == 0:
            connections = cast("Iterable[GatewayProtocol]", self.server_state.connections)
            cut_slow(connections, asyncio.get_running_loop().time(), self._counts)
            self._counts.connections = len(self.server_state.connections)
        return await super().on_tick(counter)


def listen(host: str, port: int) -> socket.socket:
    """Take an address.

    Raises:
        ConfigurationError: It cannot be taken.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio sets no TCP_NODELAY
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        message = f"cannot listen on {host}:{port} ({error.strerror}); choose another --host or --port"
        raise ConfigurationError(message) from None
    return listener


def serve(settings: Settings, rules: Rules, listener: socket.socket) -> None:
    """Run until SIGTERM or SIGINT: then what was read is answered, and nothing new is taken."""
    way, counts = Way(settings), Counts()
    intake = Intake(way.accept, counts)
    app: Any = Gateway(rules, intake, counts, way.ready)
    options: dict[str, Any] = {"http": GatewayProtocol, "ws": "none", "proxy_headers": False, "server_header": False}
    times: dict[str, Any] = {"timeout_keep_alive": IDLE_S, "timeout_graceful_shutdown": STOP_S}
    quiet: dict[str, Any] = {"lifespan": "off", "log_level": "critical", "access_log": False, "loop": "asyncio"}
    for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn raises what stopped it once more, when it has stopped
        signal.signal(number, lambda *_: None)
    try:
        Server(uvicorn.Config(app, **options, **times, **quiet), counts).run(sockets=[listener])
    finally:
        intake.close()
        way.close()
