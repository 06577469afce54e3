"""Events into the queue, many requests in one call: what comes while a call is under way shares the next one."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from leadrelay.entry import MOST_AT_ONCE, MOST_BYTES
from leadrelay.errors import NotAccepted
from leadrelay.gateway.limits import ANSWER_S, MOST_WAITING, MOST_WAITING_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leadrelay.event import Event
    from leadrelay.gateway.counts import Counts

logger = logging.getLogger(__name__)

#: Seconds between two looks at what waits for too long.
_LOOK_S = 0.25


class Overloaded(NotAccepted):
    """Too much waits for the queue already."""


class TooSlow(NotAccepted):
    """The queue did not take the event in the time in which a client wants its answer."""


class Group:
    """Events that are accepted together: those of one request, or a part of an upload."""

    __slots__ = ("at", "events", "safe", "size")

    def __init__(self, events: Sequence[Event], loop: asyncio.AbstractEventLoop) -> None:
        """See the class."""
        self.events = events
        self.size = sum(len(event.rendered) for event in events)
        self.at = loop.time()
        self.safe: asyncio.Future[None] = loop.create_future()

    def end(self, error: BaseException | None = None) -> None:
        """Tell who waits, unless it was told before or has gone."""
        if self.safe.done():
            return
        if error is None:
            self.safe.set_result(None)
        else:
            self.safe.set_exception(error)


class Intake:
    """The way of all requests to the queue; of one event loop.

    Args:
        accept: Puts events where they are safe, in a thread; raises NotAccepted. It must end by itself in
            `limits.CALL_S`.
        counts: Of this gateway.
    """

    def __init__(self, accept: Callable[[list[Event]], object], counts: Counts) -> None:
        """See the class."""
        self._accept = accept
        self._counts = counts
        self._waiting: deque[Group] = deque()
        self._bytes = 0
        self._under_way: list[Group] = []
        self._looking = False
        self._failing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")

    async def safe(self, events: Sequence[Event]) -> None:
        """Return once events are safe, all of them.

        Args:
            events: At most `MOST_AT_ONCE`.

        Raises:
            NotAccepted: As far as is known they are not.
        """
        loop = asyncio.get_running_loop()
        group = Group(events, loop)
        if self._counts.waiting + len(events) > MOST_WAITING or self._bytes + group.size > MOST_WAITING_BYTES:
            raise Overloaded("too many events wait for the queue")
        self._counts.waiting += len(events)
        self._bytes += group.size
        if not self._waiting and not self._under_way:
            loop.call_soon(self._call)  # after the requests that are ready now
        if not self._looking:
            self._looking = True
            loop.call_later(_LOOK_S, self._look)
        self._waiting.append(group)
        await group.safe

    def close(self) -> None:
        """Wait for the call under way; afterwards nothing is taken."""
        self._thread.shutdown()

    def _call(self) -> None:
        """Begin one call with what has come; there is one at a time."""
        if self._under_way or not self._waiting:
            return
        self._under_way = batch = self._next()
        events = [event for group in batch for event in group.events]
        self._counts.waiting -= len(events)
        self._bytes -= sum(group.size for group in batch)
        self._counts.calls += 1
        call = asyncio.get_running_loop().run_in_executor(self._thread, self._accept, events)
        call.add_done_callback(partial(self._ended, batch))

    def _next(self) -> list[Group]:
        """Take the oldest groups that fit into one call."""
        batch = [self._waiting.popleft()]
        number, size = len(batch[0].events), batch[0].size
        while self._waiting:
            number += len(self._waiting[0].events)
            size += self._waiting[0].size
            if number > MOST_AT_ONCE or size > MOST_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _ended(self, batch: list[Group], call: asyncio.Future[object]) -> None:
        error = call.exception()
        if error is None:
            self._counts.accepted += sum(len(group.events) for group in batch)
        else:
            self._counts.failed_calls += 1
        self._say(error)
        for group in batch:
            group.end(error)
        self._under_way = []
        self._call()

    def _say(self, error: BaseException | None) -> None:
        """Tell the log when events begin not to be taken, and when they are taken again."""
        if (error is None) is self._failing:
            self._failing = error is not None
            if error is None:
                logger.warning("events are taken again")
            else:
                why = str(error) if isinstance(error, NotAccepted) else type(error).__name__
                logger.error("events are not taken, and clients are told so: %s", why)

    def _look(self) -> None:
        """Give up on what waits for too long, and look again while anything waits."""
        loop = asyncio.get_running_loop()
        late = loop.time() - ANSWER_S
        while self._waiting and self._waiting[0].at < late:
            group = self._waiting.popleft()
            self._counts.waiting -= len(group.events)
            self._bytes -= group.size
            group.end(TooSlow("the queue takes too long"))
        for group in self._under_way:
            if group.at < late:
                group.end(TooSlow("the queue takes too long"))
        self._looking = bool(self._waiting or self._under_way)
        if self._looking:
            loop.call_later(_LOOK_S, self._look)
