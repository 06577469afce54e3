"""What this process holds of the queue: messages in flight, settlements on their way, the lease.

It belongs to the process, not to a connection: channels come and go with reconnects, while pool threads go on
settling. Knows nothing of kombu or Celery.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.failpoints import failpoint
from leadrelay.forgotten import Forgotten
from leadrelay.queue.core import LEASE_S, Settlement
from leadrelay.queue.workers import name_here

from leadrelay_worker.gate import gate

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.queue.core import Claim, Claimed, Kind, Queue, Settled

logger = logging.getLogger(__name__)

#: Settlements in one call: bounds how long the script holds the broker.
MOST_SETTLED = 500
#: Bytes claimed at once.
MOST_BYTES = 4_000_000
#: Seconds after which a message that nobody settled is given back as a suspect; far beyond the stop of 10 s.
HOLD_CAP_S = 60.0
#: Settlements that wait before they are sent at once instead of after a moment.
BATCH = 16


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call whose reply has not been read: it is repeated word for word until it is."""

    request_id: str
    settlements: list[Settlement]
    limit: int
    holding: int


class Flight:
    """The messages of one worker.

    Args:
        queue: The queue; its client's time-out bounds every call.
        name: Part of the worker's name in the queue, for people.
        capacity: Most messages held at a time.
        least: Claim only when there is room for so many (prefork: credit trickles back one by one).
        secret: `LEADRELAY_LANE_SECRET`, to know the events of people who are forgotten.
    """

    def __init__(self, queue: Queue, name: str, capacity: int, least: int = 1, secret: str = "") -> None:
        """See the class."""
        self.queue = queue
        self.worker = name_here(name)
        self.capacity = capacity
        self.least = least
        self.forgotten = Forgotten(queue, secret)
        self.wait_s = 0.001
        self.lease_until = 0.0
        self._held: dict[str, float] = {}
        self._pending: deque[Settlement] = deque()
        self._when_told: dict[str, Callable[[bool], None]] = {}
        self._asked: _Asked | None = None
        self._alone = False
        self._drain = False
        self._turning = threading.Lock()

    @property
    def holding(self) -> int:
        """How many messages are held."""
        return len(self._held)

    @property
    def pending(self) -> int:
        """How many settlements wait to be sent."""
        return len(self._pending)

    @property
    def room(self) -> int:
        """How many messages may be claimed now."""
        held = len(self._held)
        if held and (self._alone or self._drain):
            return 0
        room = self.capacity - held
        return room if room >= min(self.least, self.capacity) else 0

    def holds(self, token: str) -> bool:
        """Tell whether a message is held and not settled."""
        return token in self._held

    def claimed_at(self, token: str) -> float:
        """Give the monotonic second at which a held message was asked for; 0 when it is not held."""
        return self._held.get(token, 0.0)

    def settle(
        self,
        token: str,
        kind: Kind,
        argument: str = "",
        attempt: str = "",
        when_told: Callable[[bool], None] | None = None,
    ) -> int:
        """Note what is to become of a message, from any thread; gives how many settlements wait.

        A token that is no longer held is sent too: the queue counts it as late.

        Args:
            token: From the claim.
            kind: As in `Settlement`.
            argument: As there.
            attempt: As there.
            when_told: Called when the queue has answered, with whether a message that was to be dead is.
        """
        if when_told:
            self._when_told[token] = when_told
        self._pending.append(Settlement(token, kind, argument, attempt))
        self._held.pop(token, None)  # only now: a heartbeat in between must find it in one of the two
        return len(self._pending)

    def turn(self) -> tuple[Claimed, ...]:
        """Send what is settled and claim what fits, in one round trip; gives the messages claimed.

        Raises:
            BrokerUnavailable: The same call is made again by the next turn.
        """
        with self._turning:
            asked = self._asked or self._ask()
            self._asked = asked
            sent = time.monotonic()
            failpoint("turn.before")
            settled, claim = self.queue.turn(
                self.worker, asked.request_id, asked.settlements, asked.limit, MOST_BYTES, asked.holding
            )
            failpoint("turn.after")
            self._asked = None
            self._hear(asked.settlements, settled)
            self._take(claim, sent)
            return claim.messages

    def heartbeat(self) -> None:
        """Renew the lease, and give back what has been held for too long."""
        now = time.monotonic()
        for token, since in list(self._held.items()):
            if now - since > HOLD_CAP_S:
                logger.error("message %s was held for over %d s and is given back", token, HOLD_CAP_S)
                self.settle(token, "suspect")
        failpoint("heartbeat.before")
        if self.queue.heartbeat(self.worker, self._tokens()):
            self.lease_until = now + LEASE_S
        elif self._held:
            logger.warning("the lease had run out: %d messages were rescued from this worker", len(self._held))
            self._held.clear()

    def _tokens(self) -> set[str] | None:
        """Give the tokens that this worker has; None while a turn is unanswered: it may have brought more."""
        if self._asked:
            return None
        return set(self._held) | {settlement.token for settlement in tuple(self._pending)}  # threads add to it

    def close(self) -> None:
        """Send the last settlements and hand back what was not begun, oldest to the head of the queue."""
        self.capacity = 0
        failpoint("close.before")
        while self._held or self._asked or self._pending:
            for token in sorted(self._held, key=lambda token: int(token.partition(".")[0]), reverse=True):
                self.settle(token, "ready")
            self.turn()  # a reply that was lost before may bring more
        failpoint("close.after")
        self.queue.leave(self.worker)
        if self.queue.witness:
            self.queue.witness.flush()

    def _ask(self) -> _Asked:
        count = min(len(self._pending), MOST_SETTLED)
        settlements = [self._pending.popleft() for _ in range(count)]
        return _Asked(secrets.token_hex(8), settlements, self.room, len(self._held))

    def _hear(self, settlements: list[Settlement], settled: Settled) -> None:
        if settled.late:
            logger.warning("%d settlements came late: their events had been rescued", settled.late)
        for settlement in settlements:
            tell = self._when_told.pop(settlement.token, None)
            if tell:
                tell(settlement.token not in settled.not_dead)

    def _take(self, claim: Claim, sent: float) -> None:
        for claimed in claim.messages:
            self._held[claimed.token] = sent
        gate.update(claim.blocked, sent)
        self.lease_until = sent + LEASE_S
        self.wait_s = max(0.001, claim.wait_ms / 1000)
        self._alone, self._drain = claim.alone, claim.drain
