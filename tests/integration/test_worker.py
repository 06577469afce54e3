"""Real workers: both pools, Celery's remote control, signals, a hostile environment, events that are no events."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from celery import Celery
from leadrelay.queue import DeadLetters, Entry

from tests.chaos.processes import until
from tests.chaos.run import Run

POOLS = ["threads", "prefork"]


@pytest.fixture(params=POOLS)
def run(request, tmp_path):
    with Run(tmp_path, pool=request.param) as started:
        started.env["LEADRELAY_CONCURRENCY"] = "4"
        yield started


def events(count, **wire):
    payload = {"si": "d1", "ti": "signup", **wire}
    return [
        Entry(f"{n:032x}", "", "s", json.dumps({**payload, "eid": f"{n:032x}"}).encode()) for n in range(1, count + 1)
    ]


def stats(run):
    return requests.get(f"{run.url}/_sandbox/stats", timeout=5).json()


def delivered(run, count):
    until(lambda: run.books().delivered == count, f"{count} delivered", 30)


def leadrelay(run, *args):
    return subprocess.run(
        [sys.executable, "-m", "leadrelay", *args],
        env={**os.environ, **run.env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_events_are_delivered_once_and_a_warm_stop_hands_back(run):
    worker = run.start_worker()
    run.queue.enqueue(events(500))
    delivered(run, 500)
    assert {"requests": 500, "accepted": 500, "unique_eids": 500, "duplicates": 0, "bad": 0}.items() <= stats(
        run
    ).items()
    assert worker.stop() == 0
    assert run.books().workers == 0
    assert run.books().balanced


def test_sigterm_in_the_middle_loses_and_doubles_nothing(run):
    run.faults({"delay_s": 0.05})
    worker = run.start_worker()
    run.queue.enqueue(events(300))
    until(lambda: run.books().delivered > 10, "events flow")
    worker.stop()
    books = run.books()
    assert (books.in_flight, books.balanced) == (0, True)
    assert books.delivered + books.ready == 300
    assert stats(run)["duplicates"] == 0


def test_rejected_malformed_and_failing_events_end_where_they_belong(run):
    run.faults({"status": 400, "ti": "bad"}, {"status": 503, "ti": "down"})
    run.start_worker()
    bad, down, odd, good = events(4)
    payload = b'{"si":"d1","ti":"%s"}'
    run.queue.enqueue(
        [
            Entry(bad.eid, "", "s", payload % b"bad"),
            Entry(down.eid, "", "s", payload % b"down"),
            Entry(odd.eid, "", "s", b"\xff not an event"),
            good,
        ]
    )
    until(lambda: run.books().dead == 2 and run.books().scheduled == 1 and run.books().delivered == 1, "each has ended")
    reasons = {letter.message.eid: letter.reason for letter in DeadLetters(run.queue).select()}
    assert reasons == {bad.eid: "rejected", odd.eid: "malformed"}


def test_celery_inspects_and_revokes(run):
    worker = run.start_worker()
    until(lambda: run.books().workers == 1, "the worker claims")
    app = Celery(broker=run.broker.url, set_as_current=False)
    app.conf.control_exchange = "leadrelay.control"
    inspect = app.control.inspect(timeout=1)
    assert list(until(inspect.ping, "it answers").values()) == [{"ok": "pong"}]
    (queues,) = inspect.active_queues().values()
    assert {queue["name"] for queue in queues} >= {"leadrelay", "{leadrelay}:ready"}
    run.faults({"delay_s": 5})
    run.queue.enqueue(events(4, email="secret@example.com"))
    active = until(lambda: next(iter(inspect.active().values())), "events are active")
    assert "secret" not in repr(active)
    run.faults()
    (doomed,) = events(9)[8:]
    app.control.revoke(doomed.eid, reply=True, timeout=5)
    run.queue.enqueue([doomed])
    until(lambda: run.books().dropped == 1, "the revoked event is dropped, recorded")
    delivered(run, 4)
    assert worker.alive


def test_a_hostile_environment_changes_nothing(run):
    hostile = {
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
        "CELERY_BROKER_READ_URL": "redis://127.0.0.1:1/0",
        "CELERY_BROKER_WRITE_URL": "redis://127.0.0.1:1/0",
        "CELERY_RESULT_BACKEND": "redis://127.0.0.1:1/0",
        "CELERY_CONFIG_MODULE": "no.such.module",
        "CELERY_LOADER": "no.such:Loader",
        "DJANGO_SETTINGS_MODULE": "no.such.settings",
    }
    run.start_worker(**hostile)
    run.queue.enqueue(events(20))
    delivered(run, 20)


def test_a_plain_celery_producer_is_adopted(run):
    run.start_worker()
    app = Celery(broker=run.broker.url, set_as_current=False)
    app.send_task("track_event", ["signup"], {"email": "a@example.com"}, queue="leadrelay")
    app.send_task("no_such_task", queue="leadrelay")
    delivered(run, 1)
    books = run.books()
    assert (books.adopted, books.dead, books.inbox) == (2, 1, 0)


def test_a_killed_child_is_a_suspect_and_the_worker_goes_on(tmp_path):
    with Run(tmp_path, pool="prefork") as run:
        run.env["LEADRELAY_CONCURRENCY"] = "2"
        run.faults({"delay_s": 2})
        worker = run.start_worker()
        until(lambda: run.books().workers == 1, "the worker claims")
        run.queue.enqueue(events(2))
        until(lambda: run.books().in_flight == 2, "both are in flight")
        children = [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]
        until(lambda: stats(run)["requests"] == 2, "both are sent")
        os.kill(children[-1], signal.SIGKILL)
        run.faults()
        delivered(run, 2)
        assert worker.alive
        assert run.books().balanced


def test_nothing_personal_is_left_behind(run):
    secret = "very.secret@example.com"
    run.faults({"status": 503, "share": 0.5, "for_s": 1}, {"status": 400, "ti": "bad"})
    run.start_worker()
    app = Celery(broker=run.broker.url, set_as_current=False)
    app.send_task("track_event", ["signup"], {"email": secret}, queue="leadrelay")
    assert leadrelay(run, "track", "signup", f"email={secret}").returncode == 0
    leadrelay(run, "track", "bad", f"email={secret}")
    delivered_or_dead = until(lambda: run.books().delivered == 2 and run.books().dead == 1, "all have ended", 60)
    assert delivered_or_dead
    for arguments in (["status"], ["dead", "list"], ["dead", "list", "--json"], ["audit"], ["verify"]):
        told = leadrelay(run, *arguments)
        assert secret not in told.stdout + told.stderr
    for log in run.folder.glob("w*.log"):
        assert secret not in log.read_text()
    assert not [key for key in run.broker.client.keys("*") if b"secret" in key]
    assert secret.encode() not in b"".join(run.broker.client.hvals(run.queue.keys.name("replies")))
