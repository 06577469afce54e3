"""From settings to a queue: which broker, with which time-outs, under which witness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from leadrelay import embedded
from leadrelay.errors import BrokerUnavailable
from leadrelay.queue.core import Queue
from leadrelay.witness import Witness

if TYPE_CHECKING:
    from leadrelay.settings import Settings


def url_of(settings: Settings, *, start: bool) -> str:
    """Give the broker's URL: the setting, else the home's embedded broker.

    Args:
        settings: This process's.
        start: Start the embedded broker when it does not run (commands), instead of only joining it (the library).

    Raises:
        BrokerUnavailable: There is no setting and nothing to join.
    """
    if settings.broker_url:
        return settings.broker_url
    if start:
        return embedded.start_or_join(settings.home)
    url = embedded.join(settings.home)
    if url is None:
        raise BrokerUnavailable("no broker: set LEADRELAY_BROKER_URL, or start the embedded one with `leadrelay up`")
    return url


def connect(url: str, timeout_s: float) -> redis.Redis:
    """Make a client that never retries by itself: a repeated call must be ours to decide.

    Args:
        url: ``redis://`` or ``rediss://``.
        timeout_s: For connecting and for each reply.
    """
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
        retry_on_timeout=False,
        health_check_interval=0,
    )


def label_of(settings: Settings) -> str:
    """Name the namespace and broker of the settings, for files in the home; holds no password."""
    return settings.label()


def witness_of(settings: Settings) -> Witness:
    """Give this home's witness for the broker of the settings."""
    return Witness(settings.home, label_of(settings))


def open_queue(settings: Settings, *, timeout_s: float = 10.0, start: bool = True) -> Queue:
    """Give the queue of these settings; errors as `url_of`."""
    client = connect(url_of(settings, start=start), timeout_s)
    return Queue(client, settings.namespace, witness_of(settings))
