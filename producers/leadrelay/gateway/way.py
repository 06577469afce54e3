"""Where events go: into the queue, or else into the spool. The one place that knows how they are made safe."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from leadrelay import broker
from leadrelay.client import Client
from leadrelay.errors import LeadrelayError
from leadrelay.gateway.limits import CALL_S
from leadrelay.metrics.declared import GATEWAY
from leadrelay.metrics.exporter import Counted, Exporter
from leadrelay.metrics.reading import Reader
from leadrelay.metrics.samples import Sample
from leadrelay.metrics.spooled import Spooled
from leadrelay.spool.folder import Folder

if TYPE_CHECKING:
    from leadrelay.event import Event
    from leadrelay.gateway.counts import Counts
    from leadrelay.queue.core import Queue
    from leadrelay.settings import Settings

#: Seconds that the broker may take when it is asked whether it would take an event.
_ASKED_S = 0.5
#: Seconds that a call may take that reads for a scrape.
_SCRAPED_S = 2.0
#: Seconds for which an answer about readiness stands.
_READY_FOR_S = 1.0


class Way:
    """The way of events.

    Args:
        settings: This process's.
    """

    def __init__(self, settings: Settings) -> None:
        """Start the home's embedded broker if there is no other; errors as `broker.url_of`."""
        broker.url_of(settings, start=True)
        self._settings = settings
        self._client = Client(replace(settings, timeout_ms=int(CALL_S * 1000)))
        self._client.tend()  # what a killed process of this home left
        self._queue: Queue | None = None
        self._asked_at, self._answer = float("-inf"), False

    def accept(self, events: list[Event]) -> None:
        """Return once events are safe; raises NotAccepted."""
        self._client.put(events)

    async def ready(self) -> bool:
        """Tell whether an event could be made safe now; looked at once a second at most."""
        if time.monotonic() - self._asked_at >= _READY_FOR_S:
            self._asked_at = time.monotonic()
            self._answer = await asyncio.to_thread(lambda: self._queue_takes() or self._spool_takes())
        return self._answer

    def exporter(self, counts: Counts) -> Exporter:
        """Give what renders the metrics of the queue, of this home's spool and of this gateway."""
        queue = broker.open_queue(self._settings, timeout_s=_SCRAPED_S, start=False)
        counted = Counted(GATEWAY, lambda: [Sample(*one) for one in counts.told()])
        return Exporter(Reader(queue, self._settings), counted, spool=Spooled(self._settings))

    def close(self) -> None:
        """Leave; at the end of the process."""
        self._client.close()

    def _queue_takes(self) -> bool:
        try:
            self._queue = self._queue or broker.open_queue(self._settings, timeout_s=_ASKED_S, start=False)
            self._queue.enqueue([])  # refused by a full broker as an event would be
        except LeadrelayError:
            return False
        return True

    def _spool_takes(self) -> bool:
        folder = Folder(self._settings.home, self._settings.label())
        try:
            folder.make()
            with tempfile.TemporaryFile(dir=folder.path) as file:
                file.write(bytes(4096))
            return folder.size() < self._settings.spool_max_bytes
        except OSError:
            return False
