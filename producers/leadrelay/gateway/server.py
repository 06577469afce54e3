"""From settings to a running gateway."""

from __future__ import annotations

import asyncio
import resource
import signal
import socket
from typing import TYPE_CHECKING, Any, cast

import uvicorn

from leadrelay.errors import ConfigurationError
from leadrelay.gateway.app import Gateway
from leadrelay.gateway.counts import Counts
from leadrelay.gateway.intake import Intake
from leadrelay.gateway.limits import IDLE_S, MOST_CONNECTIONS, STOP_S
from leadrelay.gateway.protocol import GatewayProtocol, cut_slow
from leadrelay.gateway.way import Way

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leadrelay.gateway.rules import Rules
    from leadrelay.settings import Settings


#: Files that are no connections: the broker's, the spool's, the log's, and the listener's next one to be cut.
_OTHER_FILES = 64


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


def most_connections() -> int:
    """Give how many connections this process can have: `MOST_CONNECTIONS`, or what its limit of open files allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(MOST_CONNECTIONS, max(1, soft - _OTHER_FILES))


def serve(settings: Settings, rules: Rules, listener: socket.socket) -> None:
    """Run until SIGTERM or SIGINT: then what was read is answered, and nothing new is taken."""
    way, counts = Way(settings), Counts()
    intake = Intake(way.accept, counts)
    app: Any = Gateway(rules, intake, counts, way.exporter(counts), way.ready, most_connections())
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
