"""Clients that are slow, endless, or many."""

import sys
from contextlib import ExitStack

import pytest
import requests
from leadrelay.gateway.limits import MOST_CONNECTIONS
from leadrelay.queue import Queue

from tests.chaos.processes import Process, free_port, until
from tests.chaos.processes import served as served_at
from tests.integration.gateway.clients import Queued, connection, environment, refused


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\r\n",
        b"GET /?si=d&ti=x HT",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsi=d",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsi=d&\r\n",
        b"GET /?si=d&ti=x HTTP/1.1\r\nHost: x\r\n\r\nGET /?si=",
    ],
)
@pytest.mark.slow
def test_a_request_that_does_not_come_whole_is_cut(here, start):
    with connection(here) as client:
        client.sendall(start)
        received = b""
        try:
            while more := client.recv(65536):
                received += more
        except ConnectionResetError:
            pass
    assert received.count(b"HTTP/1.1 200") == start.count(b"x HTTP/1.1\r\nHost: x\r\n\r\nGET")


@pytest.mark.parametrize(
    "start", [b"GET /?si=d&x=", b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x="]
)
def test_what_has_no_end_is_cut_off(here, start):
    with connection(here) as client:
        client.sendall(start)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            client.sendall(b"y" * 2**24)


def test_a_body_that_no_request_has_is_not_read_to_its_end(here):
    with connection(here) as client:
        client.sendall(b"GET /?si=d&ti=x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            client.sendall(b"y" * 2**24)


def test_a_body_that_a_request_need_not_have_is_passed_over(here):
    with connection(here) as client:
        client.sendall(b"GET /?si=d&ti=x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nx=y&z")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"HTTP/1.1 200" in b"".join(iter(lambda: client.recv(65536), b""))


def test_pipelined_requests_are_answered_in_order(here):
    requests_ = b"".join(b"GET /?si=d&ti=x&eid=e%05d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(200))
    with connection(here) as client:
        client.sendall(requests_ + b"GET /?si=d&ti=x&eid=last-1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(65536), b""))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"e%05d" % number for number in range(200)] + [b"last-1"]


def test_one_connection_too_many_is_cut_and_the_others_are_served(own_broker, tmp_path):
    words = ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", sys.executable, "-m", "leadrelay", "gateway", "--port", "0"]
    process = Process("gateway", words, tmp_path, environment(own_broker, tmp_path))
    try:
        url = served_at(process, 0, "/healthz")
        relay = Queued(process, url, Queue(own_broker.client), tmp_path)
        request = b"GET /?si=d&ti=x HTTP/1.1\r\nHost: x\r\n\r\n"
        with ExitStack() as stack:
            clients = [stack.enter_context(connection(relay)) for _ in range(200)]
            assert 0 < sum(is_answered(client, request) for client in clients) <= 36
        until(lambda: relay.counts()["connections"] < 36, "they are gone")
        assert relay.counts()["too_many_connections_total"] > 100  # a busy machine cuts some of the 36 as slow
        assert relay.get().status_code == 200
    finally:
        process.kill()


def is_answered(client, request):
    try:
        client.sendall(request)
        return client.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def test_health_and_readiness_say_that_nothing_depends_on_the_endpoint(started):
    relay = started(LEADRELAY_DESTINATION_URL=f"http://127.0.0.1:{free_port()}")
    assert requests.get(f"{relay.url}/readyz", timeout=10).text == "ready"


def test_a_scrape_tells_of_the_gateway_the_queue_and_the_spool(here):
    answer = requests.get(f"{here.url}/metrics", headers={"Accept": "application/openmetrics-text"}, timeout=10)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    said = answer.text.splitlines()
    assert 'leadrelay_up{queue="leadrelay"} 1.0' in said
    assert 'leadrelay_spool_events{queue="leadrelay"} 0.0' in said
    assert "# TYPE leadrelay_gateway_calls counter" in said


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_metrics_are_for_this_machine(here, name):
    assert here.counts()["connections"] <= MOST_CONNECTIONS
    refused(requests.get(f"{here.url}/metrics", headers={name: "203.0.113.9"}, timeout=10), 403, "not through a proxy")
