"""What a worker answers over HTTP, if it is told where (`--http`, `LEADRELAY_HTTP`): metrics, and probes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from celery.exceptions import WorkerShutdown
from leadrelay import broker
from leadrelay.errors import ConfigurationError
from leadrelay.metrics.exporter import Exporter
from leadrelay.metrics.reading import Reader
from leadrelay.metrics.serve import Answer, Server, metrics_of
from leadrelay.metrics.spooled import Spooled
from leadrelay.queue import Queue

from leadrelay_worker.counters import counters
from leadrelay_worker.health import health
from leadrelay_worker.startup import TIMEOUT_S, LookAtBroker

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.settings import Settings

logger = logging.getLogger(__name__)


class ServeHttp(bootsteps.StartStopStep):
    """Serves from a thread of the parent, from when the pool has started: before the broker is asked for anything."""

    requires = ("celery.worker.components:Pool",)
    _server: Server | None = None

    def include_if(self, parent: Any) -> bool:
        """Only where an address is set."""
        return parent.app.leadrelay.http is not None

    def start(self, parent: Any) -> None:
        """Listen; raises WorkerShutdown where that is not possible."""
        settings = parent.app.leadrelay
        counters.describe(parent.hostname, settings.pool)
        try:
            self._server = Server(settings.http, _paths(settings, parent.app.conf.broker_url))
        except ConfigurationError as error:
            logger.error("LEADRELAY_HTTP: %s", error)  # noqa: TRY400 - a sentence, not a stack trace
            LookAtBroker.refused = True
            raise WorkerShutdown(1) from None
        self._server.start()
        logger.info("metrics and probes at %s", self._server.url)

    def stop(self, parent: Any) -> None:
        """Stop serving."""
        del parent
        if self._server:
            self._server.shutdown()
            self._server.server_close()


def _paths(settings: Settings, url: str) -> dict[str, Callable[[str], Answer]]:
    queue = Queue(broker.connect(url, TIMEOUT_S), settings.namespace, broker.witness_of(settings))
    exporter = Exporter(Reader(queue, settings), counters.registry, spool=Spooled(settings))
    return {
        "/metrics": metrics_of(exporter),
        "/healthz": lambda _: _answer(health.live()),
        "/readyz": lambda _: _answer(health.ready()),
    }


def _answer(trouble: list[str]) -> Answer:
    return Answer(503 if trouble else 200, ("; ".join(trouble) or "ok").encode() + b"\n")
