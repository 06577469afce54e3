"""The kombu transport: ordinary ``redis://`` URLs, leadrelay's queue underneath."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from kombu.transport import redis as stock
from leadrelay.errors import NotAccepted

from leadrelay_worker.transport.channel import Channel
from leadrelay_worker.transport.flight import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay_worker.transport.flight import Flight

logger = logging.getLogger(__name__)

#: Seconds between the first settlement of a batch and its sending.
LINGER_S = 0.005
#: Seconds between heartbeats; a lease stands for 30.
HEARTBEAT_S = 5.0

#: Made once per process by the app, since connections come and go.
make_flight: Callable[[], Flight] | None = None


class Transport(stock.Transport):
    """kombu's Redis transport with our channel."""

    Channel = Channel
    _flight: Flight | None = None
    _nudge_fd: int | None = None

    @property
    def flight(self) -> Flight:
        """This process's flight."""
        if Transport._flight is None:
            if make_flight is None:
                message = "this transport belongs to leadrelay_worker.app"
                raise RuntimeError(message)
            Transport._flight = make_flight()
        return Transport._flight

    @property
    def our_queues(self) -> frozenset[str]:
        """Names of the queues that are claimed from."""
        keys = self.flight.queue.keys
        return frozenset([keys.namespace, *(keys.name(name) for name in ("ready", "returning", "bulk", "suspects"))])

    @property
    def consumed_queue(self) -> str:
        """The queue under whose name messages are delivered."""
        return str(self.flight.queue.keys.name("ready"))

    @property
    def wake_key(self) -> str:
        """The list that is blocked on."""
        return str(self.flight.queue.keys.name("wake"))

    @classmethod
    def nudge(cls) -> None:
        """Tell the event loop, from any thread, that settlements wait."""
        if cls._nudge_fd is not None:
            os.eventfd_write(cls._nudge_fd, 1)

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Add our timers and the reader of nudges to kombu's own."""
        super().register_with_event_loop(connection, loop)
        if Transport._nudge_fd is None:
            Transport._nudge_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        fd = Transport._nudge_fd

        def on_nudge(*_: Any) -> None:
            try:
                os.eventfd_read(fd)
            except BlockingIOError:
                return
            if self.flight.pending >= BATCH:
                self.flush()
            else:
                loop.call_later(LINGER_S, self.flush)

        loop.add_reader(fd, on_nudge)
        loop.call_repeatedly(HEARTBEAT_S, self._heartbeat)

    def flush(self) -> None:
        """Take a turn if settlements wait."""
        if not self.flight.pending:
            return
        channel = next((channel for channel in self.channels if channel.ours), None)
        try:
            if channel:
                channel.turn()
        except NotAccepted as error:
            raise ConnectionError(str(error)) from error

    def _heartbeat(self) -> None:
        try:
            self.flight.heartbeat()
        except NotAccepted as error:
            logger.warning("no heartbeat: %s", error)
