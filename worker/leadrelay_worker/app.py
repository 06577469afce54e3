"""The worker's own Celery app."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import Celery, bootsteps, signals
from kombu import Exchange
from kombu import Queue as KombuQueue
from kombu.transport import TRANSPORT_ALIASES
from leadrelay import broker, forgotten
from leadrelay.client import Client
from leadrelay.history import HistoryFiles
from leadrelay.queue.core import Queue
from leadrelay.queue.hours import keep_hours
from leadrelay.settings import Settings

import leadrelay_worker.seal  # noqa: F401 - seals the environment before Celery is configured
from leadrelay_worker import transport
from leadrelay_worker.endings import endings
from leadrelay_worker.flow.controller import Controller, numbers_of
from leadrelay_worker.health import health
from leadrelay_worker.http import ServeHttp
from leadrelay_worker.logline import attempts
from leadrelay_worker.startup import LookAtBroker
from leadrelay_worker.task import TrackEvent
from leadrelay_worker.transport.flight import Flight
from leadrelay_worker.upkeep import INTERVAL_S, Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leadrelay.queue.message import Entry

logger = logging.getLogger(__name__)

#: Seconds that a call to the broker may take in a worker; below the lease, above a slow fsync.
TIMEOUT_S = 5.0
#: Seconds between checks of the connections that wait: an idle worker behind a half-open one claims again after at most
#: about twice this and a wait for the wake list (kombu's default of 25 made it 45).
CHECK_S = 5


def make_app(settings: Settings, url: str) -> Celery:
    """Make the app.

    Args:
        settings: This process's.
        url: The broker's.
    """
    # Flower and `celery report` read the URL's scheme: it must stay redis://, whatever serves it in this process.
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "leadrelay_worker.transport:Transport"
    app = Celery("leadrelay", set_as_current=False, fixups=[], broker=url)
    keys = Queue(broker.connect(url, TIMEOUT_S), settings.namespace).keys
    names = (keys.namespace, *map(keys.name, ("ready", "returning", "bulk", "suspects")))
    app.conf.update(
        broker_transport_options={
            "socket_timeout": TIMEOUT_S,
            "socket_connect_timeout": TIMEOUT_S,
            "priority_steps": [0],  # one list a queue: several are in several slots of a cluster
            "health_check_interval": CHECK_S,
        },
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        control_exchange=f"{settings.namespace}.control",
        event_exchange=f"{settings.namespace}.events",
        task_default_queue=settings.namespace,
        task_queues=[KombuQueue(name, Exchange(""), routing_key=name) for name in names],
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        result_backend=None,
        worker_send_task_events=True,
        worker_redirect_stdouts=False,
        worker_log_format="%(asctime)s %(levelname)s %(message)s",
        worker_pool=settings.pool,
        worker_concurrency=settings.concurrency,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        enable_utc=True,
    )
    app.register_task(TrackEvent())
    app.steps["worker"].add(ServeHttp)
    app.steps["consumer"].add(LookAtBroker)
    app.steps["consumer"].add(KeepUp)
    app.leadrelay = settings
    transport.make_flight = lambda: _flight(settings, url)
    return app


def _flight(settings: Settings, url: str) -> Flight:
    client, witness = broker.connect(url, TIMEOUT_S), broker.witness_of(settings)
    queue = Queue(client, settings.namespace, witness, settings.lane_patience)
    prefork = settings.pool == "prefork"
    capacity = settings.concurrency * (4 if prefork else 2)
    least = settings.concurrency if prefork else 1
    flight = Flight(queue, "worker", capacity, least, settings.lane_secret)
    if settings.history:
        endings.attach(HistoryFiles(settings.home), flight.worker)
    return flight


class KeepUp(bootsteps.StartStopStep):
    """Runs the upkeep from the consumer's event loop."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Any) -> None:
        """Register the timer; Celery takes it back when the connection is lost."""
        settings, flight = consumer.app.leadrelay, consumer.connection.transport.flight
        client = Client(settings, flight.queue)

        def make_entry(title: str, wire: Mapping[str, Any], eid: str) -> Entry:
            return client.entry(client.make(title, wire, eid))

        controller = Controller(client.queue, flight.worker, numbers_of(settings))
        upkeep = Upkeep(client.queue, make_entry, settings, controller, flight.forgotten, _hourly(client))

        def each_second() -> None:
            health.turned.note()
            client.tend()
            if upkeep.round():
                health.answered.note()

        each_second()
        self._timer = consumer.hub.call_repeatedly(INTERVAL_S, each_second)

    def stop(self, consumer: Any) -> None:
        """Take the timer back."""
        del consumer
        self._timer.cancel()


def _hourly(client: Client) -> tuple[Callable[[], object], ...]:
    settings = client.settings
    return (
        lambda: keep_hours(client.queue, on_time_s=settings.on_time_s, days=settings.report_days),
        lambda: forgotten.prune(client.queue),
        lambda: HistoryFiles(settings.home).prune(settings.history_days, settings.history_mb * 1_000_000),
    )


@signals.worker_shutdown.connect
def hand_back(**_: Any) -> None:
    """Settle what is decided and hand back the rest, when the pool has stopped."""
    attempts.flush()
    try:
        if transport.Transport._flight is not None:  # noqa: SLF001 - else nothing was ever claimed
            transport.Transport._flight.close()  # noqa: SLF001
    except Exception as error:  # noqa: BLE001 - the lease runs out and another worker rescues
        logger.warning("could not hand back (%s): it will be rescued", type(error).__name__)
    endings.flush()


def load() -> Celery:
    """Make the app of this process's settings."""
    settings = Settings.load()
    return make_app(settings, broker.url_of(settings, start=True))
