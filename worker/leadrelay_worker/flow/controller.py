"""The controller: one of the workers, elected, that runs the policy once a second."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from leadrelay.queue import control
from leadrelay.queue.mend import Mending
from leadrelay.queue.samples import STEP_MS, Samples
from leadrelay.queue.valve import Breaker

from leadrelay_worker.flow import memory as memories
from leadrelay_worker.flow.counts import report_of
from leadrelay_worker.flow.numbers import DEFAULT, Numbers
from leadrelay_worker.flow.policy import ALL, decide

if TYPE_CHECKING:
    from leadrelay.queue import Queue
    from leadrelay.queue.control import Watch
    from leadrelay.settings import Settings

    from leadrelay_worker.flow.policy import Change, Memory

logger = logging.getLogger(__name__)


def numbers_of(settings: Settings) -> Numbers:
    """Give the policy's numbers with an operator's settings."""
    return replace(DEFAULT, max_rate=settings.max_rate, wait_s=settings.probe_s, longest_wait_s=settings.probe_max_s)


class Controller:
    """A worker's candidacy, and its rounds while it is elected.

    Args:
        queue: The queue.
        worker: This worker's name in the queue.
        numbers: The policy's.
    """

    def __init__(self, queue: Queue, worker: str, numbers: Numbers) -> None:
        """See the class."""
        self._queue = queue
        self._worker = worker
        self._numbers = numbers
        self._term = 0
        self._samples = Samples(queue)
        self._sampled = 0
        self._mending = Mending(queue)

    def round(self) -> None:
        """Run the policy once if this worker is or becomes the controller; errors as `scripts.run`."""
        watch = control.elect(self._queue, self._worker)
        if watch is None:
            return
        if watch.term != self._term:
            logger.info("this worker is the controller now (term %d)", watch.term)
            self._term = watch.term
        before, report, numbers = memories.read(watch.memory), report_of(watch), self._with_ceiling(watch)
        memory, changes = decide(before, report, numbers)
        self._sample(memory, numbers)
        if not (changes or report.rows or memory.breakers or before.breakers):
            return
        if control.decide(self._queue, watch, memories.write(memory), map(_operation, changes)):
            for change in changes:
                _log(change)
        else:
            logger.warning("another worker is the controller: what was decided here was not done")

    def _sample(self, memory: Memory, numbers: Numbers) -> None:
        if memory.at_ms // STEP_MS != self._sampled:
            self._samples.record(ceiling=numbers.max_rate, good=memory.known_good)
            self._sampled = memory.at_ms // STEP_MS
            self._mend()  # last: should it fail, then once in a step, and the policy goes on

    def _mend(self) -> None:
        found = self._mending.step()
        if any(found):
            logger.error(
                "something else wrote to this queue: %d workers without a lease, %d lanes or datasets that waited for "
                "nothing and %d dead letters out of order were mended; see `leadrelay verify`",
                *found,
            )

    def _with_ceiling(self, watch: Watch) -> Numbers:
        """Hold the operator's command against the setting: the lower ceiling counts."""
        ceilings = [self._numbers.max_rate, float(watch.valve["ceiling"]) if "ceiling" in watch.valve else None]
        return replace(self._numbers, max_rate=min((one for one in ceilings if one is not None), default=None))


def _operation(change: Change) -> tuple[object, ...]:
    breaker = change.breaker
    opened = breaker.state in ("open", "half_open")
    told = Breaker(
        change.key,
        breaker.state,
        change.told,
        breaker.since_ms or None,
        breaker.probe_ms if breaker.state == "open" else None,
        change.rate,
        breaker.tripped_by if opened else None,
    )
    return ("breaker", *told.arguments(record=change.record))


def _log(change: Change) -> None:
    breaker = change.breaker
    if not change.record:
        return
    kind = {ALL: "all", "@": "worker "}.get(change.key[:1], "dataset ")
    state = breaker.state.replace("_", "-")
    logger.warning("breaker of %s%s is %s: %s", kind, change.key.lstrip("@"), state, change.told)
