"""The alternative: plain Celery on Redis, as an application would write it today.

Settings that make it as safe as it gets: `acks_late`, retries with backoff, one session per thread.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import requests
from celery import Celery

app = Celery("plain", broker=os.environ["PLAIN_BROKER_URL"], set_as_current=False)
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_send_task_events=True,
    broker_transport_options={"visibility_timeout": int(os.environ.get("PLAIN_VISIBILITY_S", "3600"))},
    broker_connection_retry_on_startup=True,
)
_local = threading.local()


@app.task(bind=True, name="plain_track", max_retries=None)
def plain_track(self: Any, wire: dict[str, str]) -> None:
    """Send one event; any failure is retried after a second, doubling."""
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    try:
        _local.session.post(os.environ["PLAIN_DESTINATION_URL"], data=wire, timeout=8).raise_for_status()
    except requests.RequestException as error:
        raise self.retry(exc=error, countdown=min(60, 2**self.request.retries)) from None
