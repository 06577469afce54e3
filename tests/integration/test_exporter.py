"""The exporter over a real broker: what a scrape says, what it costs the broker, and when the broker is away."""

import sys

import pytest
import requests
from leadrelay.metrics import Exporter, Reader
from leadrelay.metrics import reading as readings
from leadrelay.queue import Queue, Settlement
from leadrelay.queue.books import read_books
from leadrelay.settings import Settings
from leadrelay.witness import Witness
from prometheus_client.parser import text_string_to_metric_families

from tests.chaos.processes import Process, until
from tests.integration.test_worker import events


@pytest.fixture
def settings(broker, tmp_path):
    return Settings.load({"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_HOME": str(tmp_path)})


def scrape(text):
    """Read a scrape: value by name and labels."""
    return {
        (sample.name, *sorted(value for label, value in sample.labels.items() if label != "queue")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def rendered(queue, settings):
    return scrape(Exporter(Reader(queue, settings)).render()[0].decode())


def die(queue, count, reason="rejected"):
    claim = queue.claim("w", f"c{reason}", count, 10**6, 0)
    queue.settle("w", f"s{reason}", [Settlement(one.token, "dead", reason) for one in claim.messages])


def test_a_scrape_says_every_state_and_why_letters_died(queue, settings):
    queue.enqueue(events(10))
    die(queue, 2)
    die(queue, 3, "expired")
    queue.claim("w", "c", 1, 10**6, 0)
    said = rendered(queue, settings)
    assert said["leadrelay_up",] == 1
    assert {state: said["leadrelay_events", state] for state in ("ready", "in_flight", "dead", "scheduled")} == {
        "ready": 4, "in_flight": 1, "dead": 5, "scheduled": 0,
    }  # fmt: skip
    assert (said["leadrelay_dead_letters", "rejected"], said["leadrelay_dead_letters", "expired"]) == (2, 3)
    assert said["leadrelay_dead_letters", "older"] == 0
    assert (said["leadrelay_accepted_total",], said["leadrelay_workers",]) == (10, 1)
    assert said["leadrelay_doctor_findings", "books", "ok"] == 1
    assert ("leadrelay_doctor_findings", "dataset", "warning") not in said


def test_reasons_are_added_up_over_many_rows(queue):
    rows = {
        f"{hour} {label}": f"accepted=9 dead:rejected=2 dead:poison=1\nd\n{label}"
        for hour in range(60)
        for label in range(50)
    }
    queue.client.hset(queue.keys.name("hours"), mapping=rows)
    reasons = readings.Reasons(queue)
    for expected in (9000, 9001):
        until(lambda: not reasons.advance() and reasons.known, "a pass is over")
        for _ in range(10):
            reasons.advance()
        assert sum(reasons.known.values()) == expected
        queue.client.hset(queue.keys.name("hours"), "99 x", "accepted=9 dead:rejected=1\nd\nx")


def test_reasons_are_not_guessed_before_they_are_known(queue, settings, monkeypatch):
    monkeypatch.setattr(readings, "_PARTS", 0)
    queue.enqueue(events(2))
    die(queue, 2)
    assert not [key for key in rendered(queue, settings) if key[0] == "leadrelay_dead_letters"]


def test_a_broker_that_is_away_is_said_and_is_no_error(settings):
    from leadrelay.broker import connect  # noqa: PLC0415

    away = Queue(connect("redis://127.0.0.1:1/0", 1))
    assert rendered(away, settings) == {("leadrelay_up",): 0}
    spool = {"events": 3, "bytes": 900, "oldest_s": 1000.0, "lost": 0}
    said = scrape(Exporter(Reader(away, settings), spool=lambda: spool).render()[0].decode())
    assert said["leadrelay_spool_oldest_seconds",] == 1000


def test_many_scrapes_in_a_second_ask_the_broker_once(queue, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(readings, "read_books", lambda queue: asked.append(1) or read_books(queue))
    monkeypatch.setattr(readings, "FRESH_S", 60.0)
    exporter = Exporter(Reader(queue, settings))
    for _ in range(5):
        exporter.render()
    assert asked == [1]


def test_the_exporter_is_a_witness_itself(queue, settings, tmp_path, monkeypatch):
    monkeypatch.setattr(readings, "FRESH_S", 0.0)
    queue.enqueue(events(5))
    watched = Queue(queue.client, witness=Witness(tmp_path, "x"))
    reader = Reader(watched, settings)
    assert not reader.read().rewinds
    queue.client.flushall()
    assert "lost at most 5 accepted events" in reader.read().rewinds[0]
    queue.enqueue(events(1))
    assert len(reader.read().rewinds) == 1


def test_the_books_can_be_read_while_the_broker_refuses_every_write(broker, queue, settings):
    """As with a full disk: no script that may write runs then."""
    queue.enqueue(events(3))
    broker.client.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(Exception, match="refuses to serve"):
            queue.enqueue(events(1))
        assert read_books(queue).ready == 3
        assert rendered(queue, settings)["leadrelay_events", "ready"] == 3
    finally:
        broker.client.config_set("min-replicas-to-write", 0)


def test_reading_leaves_an_empty_broker_empty(queue, settings):
    rendered(queue, settings)
    assert queue.client.dbsize() == 0


def test_the_command_serves_openmetrics_too_and_names_its_paths(queue, broker, tmp_path):
    queue.enqueue(events(2))
    process = Process(
        "exporter",
        [sys.executable, "-m", "leadrelay", "exporter", "--port", "0"],
        tmp_path,
        {"LEADRELAY_BROKER_URL": broker.url},
    )
    try:
        url = until(lambda: process.log.read_text().strip(), "it says where it listens")
        assert scrape(requests.get(url, timeout=10).text)["leadrelay_events", "ready"] == 2
        openmetrics = requests.get(url, headers={"Accept": "application/openmetrics-text; version=1.0.0"}, timeout=10)
        assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
        assert openmetrics.text.endswith("# EOF\n")
        elsewhere = requests.get(url.replace("/metrics", "/x"), timeout=10)
        assert (elsewhere.status_code, elsewhere.text) == (404, "here are: /metrics\n")
        assert requests.post(url, timeout=10).status_code == 501
    finally:
        process.kill()


def test_without_prometheus_client_it_says_what_to_install(queue, settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(Exception, match="pip install"):
        Exporter(Reader(queue, settings))
