"""Relaying until stopped, or until nothing waits."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING

from leadrelay.errors import BrokerFull, BrokerUnavailable, EnqueueTooLate, LeadrelayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.contrib.outbox.relay import Relay, Step

logger = logging.getLogger(__name__)

#: Seconds between two looks at a table in which nothing waits.
POLL_S = 0.5
#: Seconds of waiting for a broker or a database that is away, at first and at most.
_BACKOFF_S = (0.1, 5.0)


class OutboxUnavailable(LeadrelayError):
    """The outbox's database cannot be read or written."""


@dataclass(frozen=True)
class Watch:
    """Who is told what happens meanwhile.

    Args:
        moved: After each step, with the rows moved by it.
        waits: With the reason when the relay has to wait, and with ``""`` when it goes on.
    """

    moved: Callable[[int], None] = lambda _: None
    waits: Callable[[str], None] = lambda _: None


def relay_until(relay: Relay, stop: Event, watch: Watch, *, once: bool = False) -> bool:
    """Move rows until `stop` is set.

    Args:
        relay: Of one outbox.
        stop: Looked at between two steps.
        watch: Who is told.
        once: Only until nothing that is committed waits, or another relay has the turn. What is away then is an error
            instead of a reason to wait.

    Returns:
        False when `once` ended because another relay has the turn.

    Raises:
        NotAccepted: With `once`: the broker is away or full. Always: it was written by a newer leadrelay.
        OutboxUnavailable: The database cannot be used: with `once`, or at the first look.
    """
    wait, started = _BACKOFF_S[0], False
    while not stop.is_set():
        try:
            step = relay.step()
        except (BrokerUnavailable, BrokerFull, EnqueueTooLate) as error:
            if once:
                raise
            reason, started = str(error), True
        except relay.store.errors as error:
            relay.store.reset()
            reason = f"the outbox cannot be used: {_first_line(error)}"
            if once or not started:
                raise OutboxUnavailable(f"{reason} (is the database there, and migrated?)") from error
        else:
            wait, started = _BACKOFF_S[0], True
            watch.waits("")
            watch.moved(step.moved)
            if once and _at_end(step):
                return not step.standby
            if not (step.moved or step.more):
                stop.wait(POLL_S)
            continue
        watch.waits(reason)
        stop.wait(wait)
        wait = min(_BACKOFF_S[1], wait * 2)
    return True


def _at_end(step: Step) -> bool:
    return step.standby or not (step.moved or step.more or step.behind)


def _first_line(error: Exception) -> str:
    original = getattr(error, "orig", None) or error
    return f"{type(original).__name__}: {str(original).partition(chr(10))[0]}"


def start(make: Callable[[], Relay], close: Callable[[], None]) -> Callable[[], None]:
    """Relay in a thread of this process.

    Args:
        make: Makes the relay, in the thread.
        close: Called in the thread at its end.

    Returns:
        A function that ends the thread, and waits until it has.
    """
    stop = Event()

    def told(reason: str) -> None:
        if reason:
            logger.warning("the outbox waits: %s", reason)

    def run() -> None:
        try:
            while not stop.is_set():
                try:
                    relay_until(make(), stop, Watch(waits=told))
                except LeadrelayError as error:
                    told(str(error))
                    stop.wait(_BACKOFF_S[1])
        finally:
            close()

    thread = Thread(target=run, name="leadrelay-outbox", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join()

    return end
