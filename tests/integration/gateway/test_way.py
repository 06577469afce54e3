"""The way from a request to queue or spool: shared calls, frozen, full and missing brokers, a stop."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest
import requests
from leadrelay.gateway.limits import ANSWER_S
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books

from tests.chaos.processes import Broker, gateway, until
from tests.integration.gateway.clients import PATIENCE_S, Queued, connection, environment, refused
from tests.integration.test_recorded_requests import answer_to


def test_requests_at_a_time_share_calls(here):
    before = here.counts()
    request = b"".join(b"GET /?si=d&ti=x&n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(20))
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda _: answer_to(here.url, request[: request.index(b"n=1 ") + 50]), range(300)))

    def since(name):
        return here.counts()[name] - before[name]

    # A client takes the first answer and leaves: the last calls may be under way.
    until(lambda: since("accepted_events_total") == read_books(here.queue).accepted, "all are counted")
    assert since("calls_total") < since("accepted_events_total")


def ready(relay):
    return requests.get(f"{relay.url}/readyz", timeout=10).status_code == 200


def test_a_frozen_broker_is_answered_in_time_from_the_spool(started, own_broker):
    relay = started()
    relay.get()
    own_broker.process.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        eids = [relay.get().text for _ in range(3)]
        took = time.monotonic() - began
        assert requests.get(f"{relay.url}/healthz", timeout=10).status_code == 200
        until(lambda: ready(relay), "it is ready all the same")
    finally:
        own_broker.process.signal(signal.SIGCONT)
    assert took < PATIENCE_S + 10  # the machine may be busy
    assert ANSWER_S < PATIENCE_S
    until(lambda: len(relay.events()) == 4, "the spool is drained")
    assert [event["eid"] for event in relay.events()[1:]] == eids


def test_without_broker_and_spool_nothing_is_answered_with_a_body(tmp_path):
    broker = Broker(tmp_path)
    process, url = gateway(tmp_path, environment(broker, tmp_path, LEADRELAY_SPOOL_MAX_BYTES="1"))
    try:
        relay = Queued(process, url, Queue(broker.client), tmp_path)
        eid = relay.get().text
        assert ready(relay)
        broker.kill()
        answer = relay.get()
        refused(answer, 503, "the spool has")
        assert answer.headers["retry-after"]
        # One byte of room is room: only a spool that is full, or cannot be written, cannot take the next event.
        broker.start()
        until(lambda: relay.get().status_code == 200, "events are taken again")
        assert relay.events()[0]["eid"] == eid
    finally:
        process.kill()
        broker.kill()


def test_readiness_is_about_queue_and_spool(tmp_path):
    broker = Broker(tmp_path)
    process, url = gateway(tmp_path, environment(broker, tmp_path))
    try:
        relay = Queued(process, url, Queue(broker.client), tmp_path)
        broker.kill()
        assert relay.get().status_code == 200
        assert ready(relay)
        home = tmp_path / "home"
        home.rename(tmp_path / "gone")
        home.write_text("no folder")
        until(lambda: not ready(relay), "it is not ready")
        broker.start()
        until(lambda: ready(relay), "it is ready again")
    finally:
        process.kill()
        broker.kill()


def test_a_full_broker_leaves_it_to_the_spool(own_broker, started):
    relay = started()
    own_broker.client.config_set("maxmemory", 1)
    try:
        eid = relay.get().text
        assert ready(relay)
    finally:
        own_broker.client.config_set("maxmemory", 0)
    until(lambda: [event["eid"] for event in relay.events()] == [eid], "the spool is drained")


def _connects(relay):
    try:
        connection(relay).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_stop_answers_what_was_read(started, own_broker):
    relay = started()
    own_broker.process.signal(signal.SIGSTOP)
    try:
        client = HTTPConnection(relay.url.removeprefix("http://"), timeout=30)
        client.request("GET", "/?si=d&ti=a")
        assert requests.get(f"{relay.url}/healthz", timeout=10).text == "ok"  # so what came before was read
        relay.process.child.terminate()
        time.sleep(0.1)
    finally:
        own_broker.process.signal(signal.SIGCONT)
    answered = client.getresponse()
    body = answered.read().decode()
    assert (answered.status, body) in {(200, relay.last()["eid"] if relay.events() else ""), (503, "")}
    until(lambda: not relay.process.alive, "it ends")
    assert relay.process.child.returncode == 0
    with pytest.raises(requests.ConnectionError):
        relay.get()
