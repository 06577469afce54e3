"""Flower with our pages."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click
from flower.app import Flower, rewrite_handler
from leadrelay import broker
from leadrelay.client import Client
from leadrelay.history import HistoryFiles
from leadrelay.queue import DeadLetters, Queue
from tornado.ioloop import IOLoop
from tornado.routing import Rule

from leadrelay_worker.monitor.guard import Refused, StrangeHost, has_login, refusal_to_listen
from leadrelay_worker.monitor.jobs import Jobs
from leadrelay_worker.monitor.loader import Templates
from leadrelay_worker.monitor.routes import ROUTES
from leadrelay_worker.monitor.taskevents import TaskEventsTaken

if TYPE_CHECKING:
    from celery import Celery

#: Seconds that a call to the broker may take.
_TIMEOUT_S = 5.0
#: Answers that are read at a time; Flower has threads of its own.
_READERS = 4
#: When garbage is collected. Each task that Flower keeps is a cycle; looking at the young ones as often as Python does
#: by itself took a quarter of the monitor's CPU (68 µs an event, 51 so).
_COLLECTED_AT = (25_000, 2, 2)


class Monitor(Flower):  # type: ignore[misc] # Flower is not typed
    """Flower's application over the Celery app of this process, with leadrelay's routes before Flower's.

    Raises:
        click.UsageError: It would listen where everybody could act.
    """

    def __init__(self, options: Any, capp: Celery, **settings: Any) -> None:
        """See the class; called by Flower's command."""
        own = capp.leadrelay
        refusal = refusal_to_listen(options, own.monitor_hosts)
        if refusal:
            raise click.UsageError(refusal)
        settings |= {"template_loader": Templates(), "xsrf_cookie_kwargs": {"samesite": "Strict"}}
        taken = TaskEventsTaken(capp, IOLoop.current(), options)
        super().__init__(options=options, capp=capp, events=taken, io_loop=taken.io_loop, **settings)
        self.add_handlers(
            r".*$", [rewrite_handler(r, options.url_prefix) for r in ROUTES] if options.url_prefix else ROUTES
        )
        if not has_login(options):
            self.default_router.rules.insert(0, Rule(StrangeHost(own.monitor_hosts), Refused))
        queue = Queue(broker.connect(capp.conf.broker_url, _TIMEOUT_S), own.namespace, broker.witness_of(own))
        self.letters = DeadLetters(queue)
        self.client = Client(own, queue)
        self.history = HistoryFiles(own.home)
        self.jobs = Jobs()
        self.readers = ThreadPoolExecutor(_READERS, "reader")

    def start_http_server(self) -> int | None:
        """Listen, and say where."""
        port: int | None = super().start_http_server()
        if port:
            scheme = "https" if self.ssl_options else "http"
            place = f"{self.options.address or '127.0.0.1'}:{port}"
            click.echo(f"{scheme}://{place}{self.reverse_url('delivery')}")
            sys.stdout.flush()
        return port

    def start(self) -> None:
        """Run until told to end; then a replay stands where it stands."""
        gc.freeze()
        gc.set_threshold(*_COLLECTED_AT)
        try:
            super().start()
        finally:
            self.jobs.stop()  # not at exit: Python waits for threads before that
