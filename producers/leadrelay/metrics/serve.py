"""HTTP for what scrapes and probes ask: a few GETs, each in a thread, nothing else.

What is served names nobody and changes nothing, so it listens wherever it is told to; unless told it is loopback. There
it answers what this machine asks, and nothing that a proxy passes on for others.
"""

from __future__ import annotations

import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from leadrelay.errors import ConfigurationError
from leadrelay.proxies import came_through_proxy, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leadrelay.metrics.exporter import Exporter

#: Seconds that a client may take over its request.
_PATIENCE_S = 10
#: Requests at a time, each in a thread of its own; one more is cut.
MOST_AT_ONCE = 64
TEXT = "text/plain; charset=utf-8"
_FOR_OTHERS = (
    b"this came through a proxy, and a loopback address answers this machine alone: ask without the proxy, or listen "
    b"on another address (--http, --host)\n"
)


class Answer(NamedTuple):
    """What a path answers."""

    status: int
    body: bytes
    content_type: str = TEXT


def metrics_of(exporter: Exporter) -> Callable[[str], Answer]:
    """Give what answers ``/metrics``."""

    def answer(accept: str) -> Answer:
        body, content_type = exporter.render(accept)
        return Answer(200, body, content_type)

    return answer


class Server(ThreadingHTTPServer):
    """Serves paths until it is closed.

    Args:
        address: Host and port, 0 for a free one.
        paths: What answers each path, given the Accept header.

    Raises:
        ConfigurationError: The address cannot be listened on.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], paths: Mapping[str, Callable[[str], Answer]]) -> None:
        """Listen."""
        self._room = BoundedSemaphore(MOST_AT_ONCE)
        handler = type("Handler", (_Handler,), {"paths": paths, "loopback": is_loopback(address[0])})
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            super().__init__(address, handler)
        except OSError as error:
            message = f"cannot listen on {address[0]}:{address[1]} ({error.strerror}): choose another host or port"
            raise ConfigurationError(message) from None

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread, if there is room for one."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        return f"http://[{host!s}]:{port}" if ":" in str(host) else f"http://{host!s}:{port}"

    def start(self) -> None:
        """Serve from a thread; children that are forked later do not keep the port."""
        os.register_at_fork(after_in_child=self.socket.close)
        Thread(target=self.serve_forever, name="http", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    paths: ClassVar[Mapping[str, Callable[[str], Answer]]]
    loopback: ClassVar[bool]
    timeout = _PATIENCE_S
    server_version = "leadrelay"
    sys_version = ""

    def do_GET(self) -> None:
        answer = self._answer()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _answer(self) -> Answer:
        if self.loopback and came_through_proxy(self.headers.keys()):
            return Answer(403, _FOR_OTHERS)
        find = self.paths.get(self.path.partition("?")[0])
        return find(self.headers.get("Accept", "")) if find else Answer(404, self._paths())

    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape every few seconds is no news."""

    def _paths(self) -> bytes:
        return ("here are: " + " ".join(self.paths) + "\n").encode()
