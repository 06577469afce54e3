"""The link: kept connections to the broker, and calls over them that end in time.

A call takes a connection that is ready and never makes one: looking up a name and connecting happen in a thread of
their own, for which the call waits as long as it has time.
"""

from __future__ import annotations

import select
import time
from functools import lru_cache
from threading import Condition, Thread, local
from typing import Any

import redis
from redis import exceptions

from leadrelay import broker

#: Connections of one process; more callers at a time wait for one.
MOST_CONNECTIONS = 64
#: Seconds in which a connection must be made; it is made aside, so no caller waits longer than it wants to.
CONNECT_S = 2.0


class Link(redis.Redis):
    """A client of redis-py over kept connections; `until` bounds the calls of a thread.

    Args:
        url: Of the broker.
        threads: Whether threads run here; else connections are made in the call.
    """

    def __init__(self, url: str, *, threads: bool = True) -> None:
        """See the class."""
        super().__init__(connection_pool=broker.connect(url, CONNECT_S).connection_pool)
        self._threads = threads
        self._bound = local()
        self._changed = Condition()
        self._free: list[Any] = []
        self._open = 0
        self._failures, self._failure = 0, Exception()

    def until(self, end: float) -> None:
        """Bound the next calls of this thread by a monotonic time."""
        self._bound.end = end

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command.

        Raises:
            redis.exceptions.RedisError: As redis-py; a time-out when there is no connection in time.
        """
        end = getattr(self._bound, "end", 0.0) or time.monotonic() + CONNECT_S
        connection = self._take(end)
        try:
            reply = self._exchange(connection, end, args, options)
        except exceptions.ResponseError:
            self._give_back(connection)
            raise
        except BaseException:  # a reply may still come: this connection is of no use any more
            self._drop(connection)
            raise
        self._give_back(connection)
        return reply

    def _exchange(self, connection: Any, end: float, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        connection.send_packed_command([packed(args)], check_health=False)
        if not _replies(connection, end):
            raise exceptions.TimeoutError("no reply in time")
        parse: Any = self.parse_response
        return parse(connection, args[0], **options)

    def _take(self, end: float) -> Any:
        try:
            return self._free.pop()
        except IndexError:
            return self._waited_for(end)

    def _waited_for(self, end: float) -> Any:
        """Have a connection made, and wait for it or for one that another call gives back."""
        with self._changed:
            failures = self._failures
            if self._open < MOST_CONNECTIONS:
                self._open += 1
                if self._threads:
                    self._begin()
        if not self._threads:
            self._connect(max(0.001, end - time.monotonic()))
        with self._changed:
            while not self._free:
                if self._failures > failures:
                    raise self._failure
                if not self._changed.wait(end - time.monotonic()) and not self._free:
                    raise exceptions.TimeoutError("no connection in time")
            return self._free.pop()

    def _begin(self) -> None:
        try:
            Thread(target=self._connect, name="leadrelay-connect", daemon=True).start()
        except RuntimeError:  # no thread may be started, at the moment
            self._open -= 1
            raise

    def _connect(self, timeout_s: float = CONNECT_S) -> None:
        pool = self.connection_pool
        try:
            kwargs = {**pool.connection_kwargs, "socket_connect_timeout": timeout_s}
            connection = pool.connection_class(**kwargs)
            connection.connect()
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            with self._changed:
                self._open -= 1
                self._failures, self._failure = self._failures + 1, error
                self._changed.notify_all()
            return
        self._give_back(connection)

    def _give_back(self, connection: Any) -> None:
        with self._changed:
            self._free.append(connection)
            self._changed.notify()

    def _drop(self, connection: Any) -> None:
        """Close a connection that failed, and those that lie idle: what broke it mostly broke them too."""
        with self._changed:
            failed, self._free = [connection, *self._free], []
            self._open -= len(failed)
        for one in failed:
            one.disconnect()


def _replies(connection: Any, end: float) -> bool:
    """Tell whether a reply has begun until a monotonic time.

    redis-py would take the TimeoutError of a signal's handler for the end of its own patience, and asks the system more
    often; TLS, which may have read the reply already, and eventlet, which has no `poll`, are left to it.
    """
    patience = max(0.001, end - time.monotonic())
    sock = connection._sock  # noqa: SLF001 - has had this name since redis-py 2
    if hasattr(sock, "pending") or not hasattr(select, "poll"):
        return bool(connection.can_read(patience))
    waiting = select.poll()
    waiting.register(sock, select.POLLIN)
    return bool(waiting.poll(patience * 1000))


def packed(args: tuple[Any, ...]) -> bytes:
    """Write a command; of a script's call, its name and keys are written once and kept."""
    fixed = 3 + int(args[2]) if args[0] == "EVALSHA" else 1
    parts = [b"*%d\r\n" % len(args), _written(args[:fixed])]
    for argument in args[fixed:]:
        raw = argument if isinstance(argument, bytes) else str(argument).encode()
        parts += (b"$%d\r\n" % len(raw), raw, b"\r\n")
    return b"".join(parts)


@lru_cache(64)
def _written(args: tuple[Any, ...]) -> bytes:
    raws = [str(argument).encode() for argument in args]
    return b"".join(b"$%d\r\n%b\r\n" % (len(raw), raw) for raw in raws)
