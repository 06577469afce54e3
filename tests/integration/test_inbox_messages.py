"""Whatever lies in the inbox, sent by a plain Celery producer or pushed raw, ends somewhere, and the worker lives."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from leadrelay.queue import DeadLetters

from tests.chaos.processes import until
from tests.chaos.run import Run

LARGE = "x" * 5_000_000


@pytest.fixture
def run(tmp_path):
    with Run(tmp_path) as started:
        yield started


@pytest.fixture
def app(run):
    plain = Celery(broker=run.broker.url, set_as_current=False)
    plain.conf.control_exchange = "leadrelay.control"
    return plain


def send(app, *args, **options):
    return app.send_task("track_event", list(args), options.pop("kwargs", {}), queue="leadrelay", **options)


RAW = {
    "not text": (b"\xff\xfe\x00", "malformed"),
    "not JSON": (b"{", "malformed"),
    "JSON, no message": (b"[1, 2, 3]", "malformed"),
    "a message without a body": (json.dumps({"headers": {}, "properties": {}}).encode(), "malformed"),
    "deeply nested": (b"[" * 100_000, "malformed"),
    "5 MB of nothing": (LARGE.encode(), "malformed"),
    "Celery's first protocol": (
        json.dumps({"body": json.dumps({"task": "track_event", "id": "1", "args": ["signup"], "kwargs": {}})}).encode(),
        "malformed",
    ),
    "a later protocol": (
        json.dumps({"body": json.dumps([["signup"], {}, {}, {}]), "headers": {"task": "track_event"}}).encode(),
        "malformed",
    ),
}


def test_what_is_no_message_is_a_dead_letter_with_its_bytes(run):
    worker = run.start_worker()
    for raw, _ in RAW.values():
        run.queue.client.lpush("leadrelay", raw)
    until(lambda: run.books().dead == len(RAW), "all are dead", 30)
    letters = {letter.message.payload: letter.reason for letter in DeadLetters(run.queue).select()}
    assert letters == dict(RAW.values())
    assert worker.alive
    assert run.books().balanced


def test_what_is_no_event_is_a_dead_letter(run, app):
    worker = run.start_worker()
    send(app)
    send(app, "signup", "twice")
    send(app, "signup", kwargs={"note": LARGE})
    send(app, "signup", kwargs={"pix": "1"})
    send(app, "signup", serializer="pickle")
    app.send_task("other_task", queue="leadrelay")
    until(lambda: run.books().dead == 6, "all are dead", 30)
    reasons = sorted(letter.reason for letter in DeadLetters(run.queue).select())
    assert reasons == ["invalid"] * 4 + ["malformed", "unknown_task"]
    send(app, "signup")
    until(lambda: run.books().delivered == 1, "a good one is delivered")
    assert worker.alive


def test_eta_priority_and_expires_are_honoured(run, app):
    run.env["LEADRELAY_CONCURRENCY"] = "1"
    send(app, "low", priority=9)
    send(app, "high", priority=0)  # as kombu has it on Redis
    send(app, "late", eta=datetime.now(UTC) + timedelta(hours=1))
    send(app, "soon", countdown=10)
    send(app, "expired", expires=datetime.now(UTC) - timedelta(seconds=1))
    run.start_worker()
    until(lambda: run.books().delivered == 3 and run.books().dropped == 1, "each has ended", 60)
    assert run.books().scheduled == 1
    titles = [event["ti"] for event in run.events()]
    assert titles == ["high", "low", "soon"]
    assert b"expires" in run.queue.client.lindex(run.queue.keys.name("audit"), 0)


@pytest.mark.parametrize("known_as", [str, lambda task_id: task_id.replace("-", "")], ids=["task id", "event id"])
def test_a_revoked_event_is_dropped(run, app, known_as):
    worker = run.start_worker()
    until(lambda: run.books().workers == 1, "the worker claims")
    task_id = str(uuid.uuid4())
    assert until(lambda: app.control.revoke(known_as(task_id), reply=True, timeout=2), "the worker has heard")
    send(app, "signup", task_id=task_id)
    send(app, "signup")
    until(lambda: (run.books().dropped, run.books().delivered) == (1, 1), "one is dropped, one delivered")
    assert worker.alive


def test_rubbish_and_later_versions_in_the_queue_itself(run):
    key = run.queue.keys.name
    later = b"999 1 eid lane scope label 1 0 and what nobody knows\n{}"
    run.queue.client.lpush(key("ready"), b"rubbish", later, b"")
    run.queue.client.hincrby(key("ledger"), "n:ready", 3)
    run.queue.client.hincrby(key("ledger"), "accepted", 3)
    worker = run.start_worker()
    run.produce(20)
    until(lambda: run.books().delivered == 20, "others are delivered")
    assert run.queue.client.lrange(key("ready"), 0, -1) == [later]
    assert worker.alive


def test_an_inbox_of_large_messages_is_read_in_small_bites(run):
    for number in range(40):
        run.queue.client.lpush("leadrelay", b"%d" % number + LARGE.encode())
    worker = run.start_worker()
    until(lambda: run.books().dead >= 3, "some are dead")
    status = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    (peak,) = (int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    assert peak < 200_000, "kB: it had all of them in memory"
