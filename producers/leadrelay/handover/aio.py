"""The link of an event loop: one connection, without a thread.

Calls that come while one is under way travel together in the next: an application with many tasks sends few scripts.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from redis import asyncio as redis_asyncio
from redis import exceptions

from leadrelay.entry import MOST_AT_ONCE
from leadrelay.errors import BrokerUnavailable
from leadrelay.handover.link import packed
from leadrelay.queue import scripts
from leadrelay.queue.core import enqueue_args

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadrelay.entry import Entry
    from leadrelay.handover.sender import Sender


class AsyncLink:
    """Enqueues from one event loop.

    Args:
        url: Of the broker.
        sender: Knows the queue and the broker's clock.
    """

    def __init__(self, url: str, sender: Sender) -> None:
        """See the class."""
        self._pool: Any = redis_asyncio.ConnectionPool.from_url(url)
        self._sender = sender
        self._connection: Any = None
        self._waiting: list[tuple[Sequence[Entry], asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def enqueue(self, entries: Sequence[Entry], end: float) -> None:
        """Enqueue events (at most `MOST_AT_ONCE`) by the monotonic time `end`.

        Raises:
            NotAccepted, redis.exceptions.RedisError, TimeoutError, OSError: They were not, as far as is known.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run(end))
        await asyncio.wait_for(future, max(0.0, end - time.monotonic()))

    async def _run(self, end: float) -> None:
        """Send what waits until nothing does; whoever gave up meanwhile is left out."""
        budget = max(0.0, end - time.monotonic())
        try:
            while together := self._next():
                try:
                    async with asyncio.timeout(budget):
                        await self._sent([entry for entries, _ in together for entry in entries], budget)
                    outcome: Exception | None = None
                except Exception as error:  # noqa: BLE001 - told to each caller
                    outcome = error
                for _, future in together:
                    if not future.done():
                        future.set_exception(outcome) if outcome else future.set_result(None)
        finally:
            self._task = None

    def _next(self) -> list[tuple[Sequence[Entry], asyncio.Future[None]]]:
        together, number = [], 0
        while self._waiting and number + len(self._waiting[0][0]) <= MOST_AT_ONCE:
            entries, future = self._waiting.pop(0)
            if not future.done():
                together.append((entries, future))
                number += len(entries)
        return together

    async def _sent(self, entries: Sequence[Entry], budget: float) -> None:
        queue, offset = self._sender.queue, self._sender.known_offset
        if offset is None:
            raise BrokerUnavailable("the broker's clock is not known")
        before = queue.before()
        args = enqueue_args(entries, deadline_ms=int((time.monotonic() + budget + offset) * 1000))
        keys = [*queue.keys.all, queue.keys.batches]
        try:
            reply = await self._tried(("EVALSHA", scripts.sha("enqueue"), len(keys), *keys, *args))
        except exceptions.NoScriptError:
            reply = await self._call(("EVAL", scripts.source("enqueue"), len(keys), *keys, *args))
        queue.enqueued(entries, reply, before)

    async def _tried(self, command: tuple[Any, ...]) -> Any:
        """Call, once more over a new connection if the kept one was closed meanwhile: the eids make that safe."""
        kept = self._connection is not None
        try:
            return await self._call(command)
        except exceptions.ConnectionError:
            if not kept:
                raise
            return await self._call(command)

    async def _call(self, command: tuple[Any, ...]) -> Any:
        if self._connection is None:
            connection = self._pool.connection_class(**self._pool.connection_kwargs)
            await connection.connect()
            self._connection = connection
        try:
            await self._connection.send_packed_command([packed(command)], check_health=False)
            return await self._connection.read_response()
        except exceptions.ResponseError:
            raise
        except BaseException:  # a reply may still come, to the next command: when the application cancels all its tasks
            await self._drop()
            raise

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
