"""kombu over the queue: claims instead of BRPOP, settlements instead of acks, for our queues only.

Remote control, replies and events keep kombu's stock path. A channel that consumes our queues blocks on the wake
list, never on payloads; what it reads there is only a reason to take a turn.
"""

from __future__ import annotations

import logging
import time
from queue import Empty
from typing import TYPE_CHECKING, Any

from kombu.transport import redis as stock
from leadrelay.errors import NotAccepted
from leadrelay.failpoints import failpoint

from leadrelay_worker.transport.connection import Connection, SSLConnection

if TYPE_CHECKING:
    from leadrelay.queue.core import Claimed

    from leadrelay_worker.transport.flight import Flight

logger = logging.getLogger(__name__)

#: Property of a kombu message under which the claimed message travels, undecoded.
CLAIMED = "leadrelay"
#: Seconds to wait for a wake token beyond what the claim said, at most.
LONGEST_WAIT_S = 2.0


def is_token(tag: str) -> bool:
    """Tell a token of ours from a delivery tag of kombu (a UUID)."""
    return "." in tag


class QoS(stock.QoS):
    """Credit and acknowledgement: the flight's, for our messages."""

    def can_consume(self) -> bool:
        """Whether to poll; our credit is asked when the wake list is about to be read."""
        return True if self.channel.ours else bool(super().can_consume())

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a delivery; ours is in the flight already."""
        if not is_token(delivery_tag):
            super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge. An ack without a settlement is never a delivery: such a message goes back, as a suspect."""
        if not is_token(delivery_tag):
            super().ack(delivery_tag)
        elif self.channel.flight.holds(delivery_tag):
            self.channel.settle(delivery_tag, "suspect")

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's signature
        """Reject: back to ready, or a dead letter when Celery cannot use the message."""
        if not is_token(delivery_tag):
            super().reject(delivery_tag, requeue)
        elif self.channel.flight.holds(delivery_tag):
            self.channel.settle(delivery_tag, *(("ready",) if requeue else ("dead", "unusable")))

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Leave it to the queue's rescue."""

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Leave it to the flight's close: restoring here would dump payloads."""
        del stderr
        self._on_collect.cancel()
        self._delivered.restored = True


class Channel(stock.Channel):
    """A channel that claims from our queues."""

    QoS = QoS
    connection_class = Connection
    connection_class_ssl = SSLConnection
    #: Whether the command that the connection waits for is our BLPOP, not a stock BRPOP.
    _awaits_token = False

    @property
    def flight(self) -> Flight:
        """This process's flight."""
        flight: Flight = self.connection.flight
        return flight

    @property
    def ours(self) -> bool:
        """Whether this channel consumes our queues."""
        return any(queue in self.connection.our_queues for queue in self._active_queues)

    def settle(self, token: str, *what: Any) -> None:
        """Settle a message outside the task's own path."""
        self.flight.settle(token, *what)
        self.connection.nudge()

    def turn(self) -> bool:
        """Settle and claim; deliver what came. Gives whether something did."""
        claimed = self.flight.turn()
        for message in claimed:
            failpoint("deliver")
            self.connection._deliver(raw_message(message), self.connection.consumed_queue)  # noqa: SLF001 - kombu's own hook
        return bool(claimed)

    def _brpop_start(self, timeout: float | None = None) -> None:
        if not self.ours:
            super()._brpop_start(timeout)
            return
        if self.flight.room < 1:
            return
        wait = min(self.flight.wait_s, LONGEST_WAIT_S)
        self._in_poll = self.client.connection
        self._awaits_token = True
        self._brpop_sent_at = time.monotonic()
        self.client.connection.send_command("BLPOP", self.connection.wake_key, f"{wait:.3f}")

    def _brpop_read(self, **options: Any) -> bool:
        if not self._awaits_token:
            return bool(super()._brpop_read(**options))
        self._awaits_token = False
        try:
            self.client.parse_response(self.client.connection, "BLPOP", **options)
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        finally:
            self._in_poll = None
        if not self.ours:  # cancelled meanwhile: another worker looks within a second
            raise Empty
        try:
            delivered = self.turn()
        except NotAccepted as error:
            raise ConnectionError(str(error)) from error
        if not delivered:
            raise Empty
        return True

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """Bind, without a write where none is needed: a full broker would refuse it and the worker could not start."""
        if self.typeof(exchange).type == "fanout":
            self._fanout_queues[queue] = (exchange, routing_key.replace("#", "*"))
        elif queue not in self.connection.our_queues:
            super()._queue_bind(exchange, routing_key, pattern, queue)

    def _refresh_bindings(self, queues: list[str]) -> None:
        """Leave fanout queues out: they were not bound above, and kombu's keys for it are in several cluster slots."""
        bound = [queue for queue in queues if queue not in self._fanout_queues]
        if bound:
            super()._refresh_bindings(bound)

    def _purge(self, queue: str) -> int:
        """Drop what is ready, recorded; `celery purge` names the queues one by one."""
        if queue not in self.connection.our_queues:
            return int(super()._purge(queue))
        dropped = 0
        while part := self.flight.queue.purge("celery purge"):
            dropped += part
        return dropped


def raw_message(claimed: Claimed) -> dict[str, Any]:
    """Render a claimed message as kombu's transports do; the payload stays aside, so that no log can show it."""
    message = claimed.message
    return {
        "body": None,
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {"task": "track_event", "id": message.eid, "lang": "py", "retries": message.attempts},
        "properties": {
            "delivery_tag": claimed.token,
            "delivery_info": {"exchange": "", "routing_key": "", "redelivered": message.claims > 1},
            CLAIMED: claimed,
        },
    }
