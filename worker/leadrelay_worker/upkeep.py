"""What every worker does for the queue each second: each step is bounded, and harmless when another did it first.

One of them, elected, is also the controller (`leadrelay_worker.flow`).
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from leadrelay.errors import NotAccepted
from leadrelay.failpoints import failpoint
from leadrelay.inbox import adopt
from leadrelay.queue import DeadLetters, Valve
from leadrelay.queue.room import WATERMARK
from redis import exceptions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leadrelay.forgotten import Forgotten
    from leadrelay.inbox import MakeEntry
    from leadrelay.queue import Queue
    from leadrelay.settings import Settings

    from leadrelay_worker.flow.controller import Controller

logger = logging.getLogger(__name__)

#: Seconds between rounds.
INTERVAL_S = 1.0
#: Seconds between rounds of what bounds the report's hours and the history.
HOURLY_S = 3600.0
#: Seconds for which a refusal stands unless it is renewed.
REFUSAL_S = 5.0
#: Seconds by which the broker's clock may be set without a word.
CLOCK_SET_S = 30.0


class Upkeep:
    """Tombstones, rescue, the clock, due, flow control, adoption, the policy of dead letters, and the memory watermark.

    Args:
        queue: The queue.
        make_entry: For adopting: validates and renders an event.
        settings: For the policy of dead letters.
        controller: This worker's candidacy.
        forgotten: Kept fresh, and asked of what is adopted.
        hourly: Done in the first round, and once an hour from then on.
    """

    def __init__(
        self,
        queue: Queue,
        make_entry: MakeEntry,
        settings: Settings,
        controller: Controller,
        forgotten: Forgotten,
        hourly: Sequence[Callable[[], object]] = (),
    ) -> None:
        """See the class."""
        self._settings = settings
        self._queue = queue
        self._make_entry = make_entry
        self._controller = controller
        self._forgotten = forgotten
        self._hourly = hourly
        self._hourly_at = 0.0
        self._full = False
        self._clocks: tuple[int, float] | None = None

    def round(self) -> bool:
        """Do all of it once; a broker that is away is met again in the next round. Gives whether it answered."""
        try:
            self._forgotten.refresh()  # first: nothing is claimed of people whom this worker does not know of yet
            failpoint("rescue")
            rescued = self._queue.rescue()
            if rescued:
                logger.warning("rescued %d events of workers that are gone", rescued)
            failpoint("rescue.after")
            self._watch_clock()
            self._queue.due()
            self._controller.round()
            failpoint("adopt")
            adopt(self._queue, self._make_entry, forgotten=self._forgotten.eids)
            failpoint("adopt.after")
            self._prune()
            self._watch_memory(self._queue.memory())
            if time.monotonic() >= self._hourly_at:
                for step in self._hourly:
                    step()
                self._hourly_at = time.monotonic() + HOURLY_S
        except (NotAccepted, exceptions.RedisError) as error:
            logger.warning("upkeep failed (%s); it is tried again", type(error).__name__)
            return False
        return True

    def _prune(self) -> None:
        age, most = self._settings.dead_max_age, self._settings.dead_max
        letters = DeadLetters(self._queue)
        if age is not None:
            letters.prune(f"older than {timedelta(seconds=age)} (LEADRELAY_DEAD_MAX_AGE)", older_than_s=age)
        if most is not None:
            letters.prune(f"beyond {most:,} (LEADRELAY_DEAD_MAX)", keep=most)

    def _watch_clock(self) -> None:
        """Compare how far the broker's clock and this machine's have come since the last round."""
        now, here = self._queue.now_ms(), time.monotonic()
        before, self._clocks = self._clocks, (now, here)
        if before is None:
            return
        set_by = now - before[0] - int((here - before[1]) * 1000)
        if abs(set_by) > CLOCK_SET_S * 1000:
            self._queue.clock_was_set(set_by)
            logger.error(
                "the broker's clock was set by %+.0f s: leases start anew, no event grows older by it, and for a day "
                "nothing is dropped for its age; what is scheduled waits no longer by it",
                set_by / 1000,
            )

    def _watch_memory(self, info: dict[str, Any]) -> None:
        full = 0 < info["maxmemory"] * WATERMARK < info["used_memory"]
        if full or self._full:
            Valve(self._queue).set_full(REFUSAL_S if full else 0)
        if full and not self._full:
            logger.error("the broker's memory is over %d%%: new events are refused", WATERMARK * 100)
        self._full = full
