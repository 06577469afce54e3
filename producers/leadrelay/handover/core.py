"""Handing over: into the queue, or else into the spool, within the time that a call may take.

While the broker serves and nothing waits in the spool, events go to it directly. A call that fails opens the breaker:
from then on they go to the spool at once, and the keeper tries in the background whether the broker is back, drains,
and closes the breaker. Events also go to the spool while anything waits there, whoever put it, so that none overtakes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from typing import TYPE_CHECKING

from leadrelay.errors import BrokerUnavailable, NotAccepted, SpoolUnusable
from leadrelay.handover.door import Door
from leadrelay.handover.keeper import Keeper, threads_run
from leadrelay.interruption import let_through
from leadrelay.spool.folder import Folder
from leadrelay.spool.lost import Lost
from leadrelay.spool.writer import Writer

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Sequence

    from leadrelay.entry import Entry
    from leadrelay.handover.aio import AsyncLink
    from leadrelay.settings import Settings
    from leadrelay.spool.drain import Drained

logger = logging.getLogger(__name__)

#: Share of a call's time that it may wait for the broker; the rest is for the spool.
_SHARE = 0.8
#: Seconds until the first try whether the broker is back, and the longest between two.
_FIRST_S, _LONGEST_S = 0.1, 5.0
#: Seconds that one batch of a drain may take.
_BATCH_S = 5.0
#: Seconds between two times that the spool is forced to the disk.
_SYNC_S = 1.0
#: Seconds that the end of a process waits for a broker that has not failed yet.
_LEAVE_S = 0.7


class Handover:
    """Takes events off the application's hands; safe to share between threads, not with a forked child.

    Args:
        settings: This process's.
        started: Monotonic time at which the first call began; what was spent since is not there for the broker.
    """

    def __init__(self, settings: Settings, started: float | None = None) -> None:
        """See the class."""
        threads = threads_run()
        self._budget_s = settings.timeout_ms / 1000 * _SHARE
        self._folder = Folder(settings.home, settings.label())
        self._secret = settings.lane_secret
        self._always = settings.spool_fsync == "always"
        self._writer = Writer(self._folder, most_bytes=settings.spool_max_bytes, always=self._always)
        self._lost = Lost(self._folder)
        self._door = Door(settings, threads=threads)
        self._of_loops: dict[AbstractEventLoop, AsyncLink] = {}
        self._keeper = Keeper(self._keep, threads=threads)
        self._prepare()
        self._spent_s = time.monotonic() - started if started else 0.0
        self._closed = True
        self._said: set[str] = set()
        self._wait_s, self._try_at, self._synced_at = _FIRST_S, 0.0, 0.0

    def _prepare(self) -> None:
        """Make the spool's files now: beside the thread that loads redis-py each look at the disk takes long."""
        with contextlib.suppress(OSError):  # told when an event needs it
            self._writer.prepare()
            self._lost.prepare()

    def put(self, entries: Sequence[Entry]) -> BaseException | None:
        """Put events (at most `MOST_AT_ONCE`) into the queue, or else into the spool.

        Returns:
            What a signal's handler raised while the broker was waited for; the events are safe, and it is to be raised.

        Raises:
            SpoolFull, SpoolUnusable: They are in neither; the broker is away.
            BaseException: What a signal's handler raised while they were spooled; they may be in neither.
        """
        end = self._end()
        try:
            if self._closed and not self._folder.waits and self._sent(entries, end):
                return None
        except BaseException as interruption:  # noqa: BLE001 - it reaches the application once the events are safe
            self._keep_safe(entries, end)
            return interruption
        self._keep_safe(entries, end)
        return None

    def _keep_safe(self, entries: Sequence[Entry], end: float) -> None:
        """Put events into the spool, or else into the queue."""
        try:
            self._spool(entries)
        except NotAccepted:
            if not self._sent(entries, end):  # out of order, but not lost
                raise
        finally:
            self._keeper.wake(end)

    async def aput(self, entries: Sequence[Entry]) -> BaseException | None:
        """Do as `put`, from an event loop."""
        end = self._end()
        try:
            if self._closed and not self._folder.waits and await self._asent(entries, end):
                return None
        except Exception as interruption:  # noqa: BLE001 - as in `put`; a task that is cancelled ends at once
            await self._akeep_safe(entries, end)
            return interruption
        await self._akeep_safe(entries, end)
        return None

    async def _akeep_safe(self, entries: Sequence[Entry], end: float) -> None:
        import asyncio  # noqa: PLC0415 - other applications need not load it

        try:
            if self._always:  # each write waits for the disk: not in the loop
                await asyncio.to_thread(self._spool, entries)
            else:
                self._spool(entries)
        except NotAccepted:
            if not await self._asent(entries, end):
                raise
        finally:
            self._keeper.wake(end)

    def _end(self) -> float:
        """Give until when a call that begins now may wait for the broker."""
        left = max(0.0, self._budget_s - self._spent_s)
        self._spent_s = 0.0
        return time.monotonic() + left

    def _spool(self, entries: Sequence[Entry]) -> None:
        try:
            self._writer.append(entries)
        except OSError as error:
            let_through(error)
            message = f"the spool in {self._folder.path} cannot be written ({error.strerror})"
            raise SpoolUnusable(message) from error

    def lose(self, events: int, why: str) -> None:
        """Count events that nobody keeps, and say so the first time; never raises."""
        self._lost.count(events)
        self._say("lost", f"events are lost and counted (see `leadrelay status`): {why}")

    def warm(self) -> None:
        """Begin to connect, if threads run here."""
        if self._keeper.threads:
            self._door.begin()

    def tend(self) -> None:
        """Drain in the background if anything waits."""
        if self._folder.waits:
            self._keeper.wake(time.monotonic() + self._budget_s)

    def close(self) -> None:
        """Leave: force the spool to the disk, and drain if that is a matter of moments."""
        end = time.monotonic() + _LEAVE_S
        while self._keeper.busy and self._wait_s == _FIRST_S and time.monotonic() < end:
            time.sleep(0.005)
        self._synced_at = 0.0
        self._sync()
        self._door.flush()
        self._lost.count(0)
        if self._lost.pending:
            logger.error("%d events were lost and could not be counted in the home", self._lost.pending)

    def _sent(self, entries: Sequence[Entry], end: float) -> bool:
        """Send to the broker; False when it did not take them as far as is known: then the breaker is open."""
        try:
            self._door.sender(end).enqueue(entries, end=end)
        except Exception as error:  # noqa: BLE001 - whatever it is, the spool has a place
            let_through(error)
            self._trip(error)
            return False
        return True

    async def _asent(self, entries: Sequence[Entry], end: float) -> bool:
        try:
            await self._link_of_loop().enqueue(entries, end)
        except Exception as error:  # noqa: BLE001 - as above
            let_through(error)
            self._trip(error)
            return False
        return True

    def _link_of_loop(self) -> AsyncLink:
        import asyncio  # noqa: PLC0415 - as in `_akeep_safe`

        loop = asyncio.get_running_loop()
        found = self._of_loops.get(loop)
        if found is None:
            from leadrelay.handover.aio import AsyncLink  # noqa: PLC0415 - loads redis; where it is open, it is loaded

            opened = self._door.opened
            if opened is None:
                self._door.begin()
                raise BrokerUnavailable("the broker is not connected yet")
            for ended in [known for known in list(self._of_loops) if known.is_closed()]:
                del self._of_loops[ended]  # else each `asyncio.run` would leave a connection open
            found = self._of_loops[loop] = AsyncLink(opened.url, opened.sender)
        return found

    def _trip(self, error: Exception) -> None:
        self._closed = False
        self._try_at = time.monotonic() + self._wait_s
        self._say("away", f"events wait in the spool ({self._folder.path}): {_told(error)}")

    # In the background ------------------------------------------------------------------------------------------------

    def _keep(self, end: float) -> float | None:
        """Do what is due; gives the seconds until the next time, None when nothing is left to do."""
        self._sync()
        self._lost.count(0)
        if time.monotonic() >= self._try_at:
            self._wait_s = _FIRST_S if self._drained(end) else min(_LONGEST_S, self._wait_s * 2)
            self._try_at = time.monotonic() + self._wait_s * _jitter()
        if self._closed and not self._folder.waits:
            self._said.clear()
            return None
        return min(_SYNC_S, max(0.0, self._try_at - time.monotonic()))

    def _drained(self, end: float) -> bool:
        """Try the broker, and drain if it serves; closes the breaker when both went well."""
        try:
            sender = self._door.sender(min(end, time.monotonic() + _BATCH_S))
            sender.offset(anew=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
            self._trip(error)
            return False
        try:
            drain = self._drain(end)
        except OSError as error:
            self._closed = True  # a disk that is full fails the drain: what it cannot take goes to the broker
            self._say("disk", f"the spool in {self._folder.path} cannot be drained ({error.strerror})")
            return False
        except Exception as error:  # noqa: BLE001 - as above
            self._trip(error)
            return False
        self._closed = True
        if drain.events:
            logger.warning("the broker is back: %d events came out of the spool", drain.events)
        return True

    def _drain(self, end: float) -> Drained:
        from leadrelay.forgotten import Forgotten  # noqa: PLC0415 - loads redis; here it is loaded
        from leadrelay.queue.core import Batch  # noqa: PLC0415 - likewise
        from leadrelay.spool.drain import Drain  # noqa: PLC0415 - not needed in a call

        def send(entries: Sequence[Entry], source: str, digest: str) -> None:
            limit = min(end, time.monotonic() + _BATCH_S)
            self._door.sender(limit).enqueue(entries, end=limit, batch=Batch(source, digest))

        def last_batch(source: str) -> str:
            return self._door.sender(min(end, time.monotonic() + _BATCH_S)).queue.last_batch(source)

        forgotten = Forgotten(self._door.sender(min(end, time.monotonic() + _BATCH_S)).queue, self._secret)
        return Drain(self._folder, send, last_batch, lambda _: self._sync(), forgotten.sent_as).run(until=end)

    def _sync(self) -> None:
        if time.monotonic() - self._synced_at < _SYNC_S:
            return
        self._synced_at = time.monotonic()
        try:
            self._writer.sync()
        except OSError as error:
            self._say("sync", f"the spool cannot be forced to the disk ({error.strerror})")

    def _say(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            logger.error("%s", text)


def _jitter() -> float:
    """Give 0.75 to 1.25, so that processes do not try all at once."""
    return 0.75 + os.urandom(1)[0] / 512


def _told(error: Exception) -> str:
    """Tell of an error: our own say what happened, of others the class is enough."""
    return str(error) if isinstance(error, NotAccepted) else f"the broker cannot be used ({type(error).__name__})"
