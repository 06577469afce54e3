"""Sending to the queue within a time: tried twice, with a deadline that the broker keeps too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from leadrelay.errors import BrokerUnavailable, EnqueueTooLate
from leadrelay.failpoints import failpoint
from leadrelay.interruption import let_through
from leadrelay.queue.scripts import translate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadrelay.entry import Entry
    from leadrelay.queue.core import Batch, Queue, Receipt


class Sender:
    """Enqueues; safe to share between threads.

    Args:
        queue: Where to.
    """

    def __init__(self, queue: Queue) -> None:
        """See the class."""
        self.queue = queue
        self._clock_offset: float | None = None

    @property
    def known_offset(self) -> float | None:
        """The offset if it is known, without asking the broker."""
        return self._clock_offset

    def enqueue(
        self, chunk: Sequence[Entry], *, end: float, bulk: bool = False, batch: Batch | None = None
    ) -> list[Receipt]:
        """Enqueue a chunk, whole or not at all; the eids make the second try safe after a lost reply.

        Args:
            chunk: At most `MOST_AT_ONCE`.
            end: Monotonic time after which it neither tries again nor is executed late.
            bulk: Behind live events.
            batch: As `Queue.enqueue`.

        Raises:
            NotAccepted: As far as is known.
        """
        failpoint("enqueue.before")
        try:
            receipts = self._once(chunk, end=end, bulk=bulk, batch=batch)
        except (BrokerUnavailable, EnqueueTooLate) as error:
            let_through(error)
            self._clock_offset = None
            if time.monotonic() >= end:
                raise
            receipts = self._once(chunk, end=end, bulk=bulk, batch=batch)
        failpoint("enqueue.after")
        return receipts

    def _once(self, chunk: Sequence[Entry], *, end: float, bulk: bool, batch: Batch | None) -> list[Receipt]:
        """Enqueue with a deadline by broker time, so that a call we gave up cannot execute later."""
        deadline = int((end + self.offset()) * 1000)
        return self.queue.enqueue(chunk, bulk=bulk, deadline_ms=deadline, batch=batch)

    def offset(self, *, anew: bool = False) -> float:
        """Give the seconds from this process's monotonic clock to broker time, rather too few than too many.

        Args:
            anew: Ask the broker even if they are known; also shows that it serves.

        Raises:
            BrokerUnavailable: It does not answer.
        """
        if self._clock_offset is None or anew:
            try:
                seconds, micros = self.queue.client.time()
            except RedisError as error:
                raise translate(error) from error
            self._clock_offset = seconds + micros / 1e6 - time.monotonic()
        return self._clock_offset
