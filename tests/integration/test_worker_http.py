"""A worker's own HTTP: what it counts in both pools, and whether it is alive and ready."""

import pytest
import requests

from tests.chaos.processes import free_port, until
from tests.chaos.run import Run
from tests.integration.test_exporter import scrape
from tests.integration.test_worker import delivered, events

POOLS = ["threads", "prefork"]


@pytest.fixture(params=POOLS)
def run(request, tmp_path):
    with Run(tmp_path, pool=request.param) as started:
        started.env |= {"LEADRELAY_CONCURRENCY": "4", "LEADRELAY_HTTP": f"127.0.0.1:{free_port()}"}
        yield started


def ask(run, path):
    try:
        return requests.get(f"http://{run.env['LEADRELAY_HTTP']}{path}", timeout=10)
    except requests.ConnectionError:
        return None


def ready(run):
    return (answer := ask(run, "/readyz")) is not None and answer.ok


def said(run):
    return scrape(ask(run, "/metrics").text)


def test_the_parent_counts_what_its_pool_does(run):
    run.faults({"status": 400, "ti": "bad"})
    run.start_worker()
    run.queue.enqueue(events(20, userId="7", proxy="true"))
    run.queue.enqueue([bad for bad in events(21, ti="bad") if bad.eid == f"{21:032x}"])
    delivered(run, 20)
    until(lambda: run.books().dead == 1, "one is dead")
    counted = said(run)
    assert counted["leadrelay_worker_attempts_total", "200", "accepted", "http_200"] == 20
    assert counted["leadrelay_worker_attempts_total", "400", "http_400", "rejected"] == 1
    assert counted["leadrelay_worker_delivered_total", "yes", "yes"] == 20
    assert counted["leadrelay_worker_delivery_seconds_count",] == 20
    assert counted["leadrelay_worker_attempt_seconds_count", "accepted"] == 20
    assert counted["leadrelay_worker_settled_total", "delivered"] == 20
    assert counted["leadrelay_worker_held",] == 0
    assert counted["leadrelay_worker_loop_timestamp_seconds",] > 10**9
    assert counted["leadrelay_delivered_total",] == 20
    (info,) = [key for key in counted if key[0] == "leadrelay_worker_info"]
    assert run.pool in info


def test_ready_does_not_depend_on_the_endpoint(run):
    run.faults({"status": 503})
    run.start_worker()
    until(lambda: ready(run), "it is ready")
    run.queue.enqueue(events(30))
    until(lambda: run.books().sending.state != "on", "the breaker opens", 60)
    assert ready(run)
    assert ask(run, "/healthz").text == "ok\n"


@pytest.mark.slow
def test_a_worker_without_a_broker_is_not_ready_and_comes_back(run):
    run.start_worker()
    until(lambda: ready(run), "it is ready")
    run.broker.kill()
    why = until(lambda: (answer := ask(run, "/readyz")).status_code == 503 and answer.text, "it is not ready")
    assert "broker" in why
    assert scrape(ask(run, "/metrics").text)["leadrelay_up",] == 0
    assert ask(run, "/healthz").ok
    run.broker.start()
    until(lambda: ready(run), "it is ready again", 120)


def test_a_port_that_is_taken_is_a_sentence_and_exit_code_1(run):
    address = run.env["LEADRELAY_HTTP"]
    run.start_worker()
    until(lambda: ask(run, "/healthz"), "the first listens")
    second = run.start_worker()
    assert second.child.wait(60) == 1
    assert f"cannot listen on {address}" in second.tail()
    assert "Traceback" not in second.tail()
