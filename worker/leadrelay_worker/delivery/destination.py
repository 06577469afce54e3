"""Where events go: one HTTP exchange within a total deadline, over a pool of kept connections.

`requests`' adapter is used without its session: a session keeps cookies, and would send one user's with another's
event; and preparing each request anew costs as much again as sending it (ADR 0003).
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError, SSLError

from leadrelay_worker.delivery.outcome import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds for one attempt, all in all. Below the stop (10 s) and the lease (30 s): see ADR 0002.
DEADLINE_S = 8.0
#: Seconds to connect.
CONNECT_S = 3.0
#: Bytes of an answer that are read; an id needs 40.
MOST_BODY = 64 * 1024
#: Characters of a forwarded User-Agent.
MOST_AGENT = 1024


class Exchange:
    """One attempt under way, as the watchdog sees it."""

    __slots__ = ("connection", "cut", "end")

    def __init__(self, end: float) -> None:
        """Run until `end`, in monotonic seconds."""
        self.end = end
        self.connection: HTTPConnection | None = None
        self.cut = False


class Watchdog:
    """Cuts exchanges at their deadline: a socket's own time-out starts anew with every byte."""

    def __init__(self, interval: float) -> None:
        """Look every `interval` seconds, from a daemon thread that starts with the first exchange."""
        self._interval = interval
        self._exchanges: dict[int, Exchange] = {}
        self._lock = threading.Lock()
        self._started = False

    def begin(self, end: float) -> Exchange:
        """Watch this thread's exchange until `finish`."""
        exchange = Exchange(end)
        with self._lock:
            self._exchanges[threading.get_ident()] = exchange
            if not self._started:
                self._started = True
                threading.Thread(target=self._watch, name="deadline", daemon=True).start()
        return exchange

    def finish(self) -> None:
        """Stop watching: from here on the connection may serve another exchange."""
        with self._lock:
            del self._exchanges[threading.get_ident()]

    def uses(self, connection: HTTPConnection) -> None:
        """Note which connection this thread's exchange runs on."""
        exchange = self._exchanges.get(threading.get_ident())
        if exchange:
            exchange.connection = connection

    def _watch(self) -> None:
        while True:
            time.sleep(self._interval)
            now = time.monotonic()
            with self._lock:
                for exchange in self._exchanges.values():
                    if now >= exchange.end and not exchange.cut:
                        exchange.cut = _shut(exchange.connection)


def _shut(connection: HTTPConnection | None) -> bool:
    sock = connection.sock if connection else None
    if sock is None:
        return False
    with contextlib.suppress(OSError):  # closed meanwhile: the exchange ends by itself
        sock.shutdown(socket.SHUT_RDWR)
    return True


class Destination:
    """The Track API at one address.

    Args:
        url: Its base.
        method: ``POST`` (a form) or ``GET`` (a query).
        pool_size: Connections kept, as many as threads.
        deadline_s: For one exchange.
    """

    def __init__(self, url: str, *, method: str = "POST", pool_size: int = 32, deadline_s: float = DEADLINE_S) -> None:
        """See the class."""
        self._url = url if url.count("/") > 2 else f"{url}/"  # noqa: PLR2004 - scheme://host has two
        self._method = method
        self._deadline_s = deadline_s
        self._watchdog = Watchdog(min(0.25, deadline_s / 4))
        self._adapter = _adapter(self._watchdog, pool_size)

    def send(self, form: str, user_agent: str) -> Seen:
        """Send one event and read the answer; never raises for what the network or the endpoint does.

        Args:
            form: URL-encoded parameters.
            user_agent: For the header of that name.
        """
        end = time.monotonic() + self._deadline_s
        exchange = self._watchdog.begin(end)
        try:
            response = self._adapter.send(
                self._request(form, user_agent), stream=True, timeout=(CONNECT_S, self._deadline_s), verify=True
            )
            body = response.raw.read(MOST_BODY, decode_content=False)
            if not response.raw.closed:
                response.raw.close()
        except (requests.RequestException, HTTPError, OSError) as error:
            return failure_of(error, cut=exchange.cut)
        finally:
            self._watchdog.finish()
        if exchange.cut:
            return Seen(failure="timeout", unknown=True)
        return Seen(response.status_code, body, retry_after=response.headers.get("Retry-After"))

    def close(self) -> None:
        """Close all connections."""
        self._adapter.close()

    def _request(self, form: str, user_agent: str) -> requests.PreparedRequest:
        request = requests.PreparedRequest()
        request.method = self._method
        agent = (
            "".join(c for c in user_agent[:MOST_AGENT] if c.isprintable())
            .encode("latin-1", "replace")
            .decode("latin-1")
        )
        headers = {"User-Agent": agent, "Accept": "*/*"}
        if self._method == "GET":
            request.url = f"{self._url}{'&' if '?' in self._url else '?'}{form}"
        else:
            request.url = self._url
            request.body = form.encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Content-Length"] = str(len(request.body))
        request.headers = CaseInsensitiveDict(headers)
        return request


def failure_of(error: BaseException, *, cut: bool) -> Seen:
    """Name a failed exchange, by the errors that it was made of."""
    chain = list(_chain(error))
    if cut:
        return Seen(failure="timeout", unknown=True)
    if any(isinstance(link, NameResolutionError) for link in chain):
        return Seen(failure="dns")
    if any(isinstance(link, SSLError | requests.exceptions.SSLError) for link in chain):
        return Seen(failure="tls")
    if isinstance(error, requests.ReadTimeout) or any(isinstance(link, TimeoutError) for link in chain[:1]):
        return Seen(failure="timeout", unknown=True)
    connecting = any(type(link).__name__ in ("NewConnectionError", "ConnectTimeoutError") for link in chain)
    return Seen(failure="connect") if connecting else Seen(failure="cut", unknown=True)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Walk an error, the reasons that urllib3 wraps, and the causes."""
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        link = pending.pop()
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        pending += [link.__cause__, getattr(link, "reason", None), *link.args]


def _adapter(watchdog: Watchdog, pool_size: int) -> HTTPAdapter:
    """Make an adapter whose connections tell the watchdog when they are used."""

    class Watched:
        def request(self, *args: Any, **kwargs: Any) -> Any:
            watchdog.uses(self)  # type: ignore[arg-type]
            return super().request(*args, **kwargs)  # type: ignore[misc]

    class PlainConnection(Watched, HTTPConnection):
        pass

    class TlsConnection(Watched, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=pool_size, max_retries=0)
    adapter.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return adapter
