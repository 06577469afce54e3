"""Signals whose handlers raise while an event is handed over, with a real broker that hangs."""

import asyncio
import select
import signal

import leadrelay
import pytest
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books

from tests.chaos.processes import Broker, until
from tests.integration.handing import serials, spool


class TooLong(Exception):
    """As Celery's SoftTimeLimitExceeded."""


@pytest.fixture
def limited():
    """Let SIGALRM raise an exception; gives what starts the clock."""
    before = signal.getsignal(signal.SIGALRM)

    def limited(error, seconds):
        def handler(signum, frame):
            raise error

        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    yield limited
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def hung(tmp_path):
    broker = Broker(tmp_path)
    yield broker
    broker.process.signal(signal.SIGCONT)
    broker.kill()


ERRORS = [TooLong, TimeoutError, ConnectionResetError, KeyboardInterrupt, SystemExit]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("strict", ["true", "false"])
def test_a_time_limit_ends_a_call_that_waits_for_its_reply_and_its_event_is_safe(app, hung, limited, error, strict):
    here = app(hung.url, STRICT=strict, TIMEOUT_MS="60000")
    leadrelay.track_event("a", serial=0)
    hung.process.signal(signal.SIGSTOP)
    limited(error, 0.2)
    with pytest.raises(error):
        leadrelay.track_event("a", serial=1)
    assert (spool(here).events, spool(here).lost) == (1, 0)
    assert here.handover._closed, "it says nothing about the broker"
    hung.process.signal(signal.SIGCONT)
    queue = Queue(hung.client)
    until(lambda: not here.handover._folder.waits, "the spool is drained")
    leadrelay.track_event("a", serial=2)
    assert read_books(queue).accepted == 3
    assert serials(queue) == ["0", "1", "2"]


@pytest.mark.parametrize("error", ERRORS)
def test_a_time_limit_ends_a_call_that_waits_for_a_connection(app, hung, limited, error):
    hung.process.signal(signal.SIGSTOP)
    here = app(hung.url, STRICT="false", TIMEOUT_MS="60000")
    limited(error, 0.2)
    with pytest.raises(error):
        leadrelay.track_event("a")
    assert spool(here).events == 1


def test_an_event_that_the_spool_cannot_take_then_is_counted(app, hung, limited):
    here = app(hung.url, STRICT="false", TIMEOUT_MS="1000", SPOOL_MAX_BYTES="1")
    leadrelay.track_event("a")
    hung.process.signal(signal.SIGSTOP)
    limited(TooLong, 0.1)
    with pytest.raises(TooLong):
        leadrelay.track_event("a")
    assert spool(here).lost == 1


def test_an_event_that_is_tracked_because_of_a_time_limit_is_an_event_as_any(app, hung, limited):
    here = app(hung.url, STRICT="false", TIMEOUT_MS="500")
    leadrelay.track_event("a")
    hung.process.signal(signal.SIGSTOP)
    limited(TooLong, 0.05)
    try:
        signal.pause()
    except TooLong:
        assert leadrelay.track_event("timed out")
    assert spool(here).events == 1


def test_an_event_loop_gets_it_too(app, broker, client, limited, monkeypatch):
    here = app(broker.url, STRICT="false", TIMEOUT_MS="5000")
    limited(TooLong, 0)
    monkeypatch.setattr(here.handover, "_link_of_loop", lambda: signal.raise_signal(signal.SIGALRM))
    with pytest.raises(TooLong):
        asyncio.run(leadrelay.atrack_event("a"))
    assert spool(here).lost == 0
    until(lambda: read_books(Queue(client)).accepted == 1, "the event is drained from the spool")


def test_a_reply_is_waited_for_without_poll_as_under_eventlet(app, broker, client, monkeypatch):
    app(broker.url, STRICT="true")
    monkeypatch.delattr(select, "poll")
    assert leadrelay.track_event("a")
    assert read_books(Queue(client)).accepted == 1
