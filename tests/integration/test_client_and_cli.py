"""An application's side, and the operator's, as they use them."""

import json
import os
import subprocess
import sys
import time

import leadrelay
import pytest
from leadrelay import tracking
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent
from leadrelay.event import Event
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books
from leadrelay.settings import Settings

from tests.integration.moves import Requests


@pytest.fixture
def app(broker, client, monkeypatch):
    """An application with a broker and a dataset."""
    monkeypatch.setenv("LEADRELAY_BROKER_URL", broker.url)
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    monkeypatch.setenv("LEADRELAY_TIMEOUT_MS", "2000")
    monkeypatch.setattr(tracking, "_client", None)
    return Queue(client)


def run(*args, stdin=b"", **env):
    return subprocess.run(
        [sys.executable, "-m", "leadrelay", *args],
        input=stdin,
        env={**os.environ, **env},
        capture_output=True,
        check=False,
    )


def document(*args, **kwargs):
    done = run(*args, **kwargs)
    return done.returncode, json.loads(done.stdout)


def test_track_event_returns_an_id_that_is_in_the_queue(app):
    eid = leadrelay.track_event("signup", userId="7", plan=None)
    claim = app.claim("w", "r", 5, 10**6, 0)
    (claimed,) = claim.messages
    assert claimed.message.eid == eid
    assert json.loads(claimed.message.payload) == {
        "si": "d1",
        "ti": "signup",
        "userId": "7",
        "eid": eid,
        "proxy": "true",
    }
    assert claimed.message.lane


def test_an_idempotency_key_is_one_event(app):
    ids = {leadrelay.track_event("invoice_paid", idempotency_key="order-7") for _ in range(3)}
    assert len(ids) == 1
    assert read_books(app).accepted == 1


def test_track_many_is_all_or_none_at_the_door(app):
    with pytest.raises(InvalidEvent):
        leadrelay.track_many([{"ti": "a"}, {"ti": "b", "x": []}])
    assert read_books(app).accepted == 0
    made = Event.create("c", eid="c" * 32, si="d1")
    assert len(leadrelay.track_many([{"ti": "a"}, made, *({"ti": "b", "n": n} for n in range(2500))])) == 2502
    assert read_books(app).accepted == 2502


def test_a_forked_child_tracks_on_its_own_connection(app):
    leadrelay.track_event("signup")
    child = os.fork()
    if child == 0:
        try:
            leadrelay.track_event("signup")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    leadrelay.track_event("signup")
    assert read_books(app).accepted == 3


def test_off_sends_nothing(app, monkeypatch):
    monkeypatch.setenv("LEADRELAY_MODE", "off")
    assert leadrelay.track_event("signup")
    assert read_books(app).accepted == 0


def test_verify_lets_lanes_go_on_whose_head_is_gone(app):
    for _ in range(3):
        leadrelay.track_event("signup", userId="7")
    worker = Requests(app)
    assert len(worker.claim().messages) == 1
    app.client.delete(app.keys.name("flight"))
    done = run("verify", "--mend")
    assert done.returncode == 1
    assert b"1 lanes wait for an event that is gone" in done.stdout
    assert b"1 lanes were let go on" in done.stdout
    assert len(worker.claim().messages) == 1
    assert document("verify", "--json", "--mend")[1]["freed_lanes"] == 0


def test_the_operators_commands(app):
    assert run("track", "signup", "userId=7").returncode == 0
    assert run("track", "signup", "nonsense").returncode == 2
    code, status = document("status", "--json")
    assert code == 0
    assert {"ledger", "sending", "success", "lag_s", "headroom_s", "workers", "spool"} <= status.keys()
    assert status["ledger"]["balanced"]
    assert run("pause", "maintenance", "--for", "30m").returncode == 0
    told = run("status").stdout
    assert b"paused by" in told
    assert b"caught up  nobody can say when: paused" in told
    assert (status["catch_up_s"], status["catch_up_reason"]) == (None, "no worker")
    assert run("resume").stdout.strip() == b"sending: on"
    (claimed,) = app.claim("w", "r", 1, 10**6, 0).messages
    from leadrelay.queue import Settlement  # noqa: PLC0415

    app.settle("w", "s", [Settlement(claimed.token, "dead", "rejected", "1:1:rejected:400:5")])
    assert len(document("dead", "list", "--json")[1]) == 1
    assert b"userId" in run("dead", "show", "1").stdout
    assert b"1 replayed" in run("dead", "replay", "1").stdout
    assert run("dead", "replay").returncode == 2
    assert run("verify").returncode == 0
    app.client.delete(app.keys.name("returning"))
    assert run("verify").returncode == 1


def test_a_broker_that_is_away_is_exit_code_3():
    done = run("status", LEADRELAY_BROKER_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 3
    assert b"Traceback" not in done.stderr
    told = json.loads(run("status", "--json", LEADRELAY_BROKER_URL="redis://127.0.0.1:1/0").stdout)
    assert told.pop("spool")["events"] == 0
    assert told.pop("verdict")["state"] == "away"
    assert told == {"catch_up_s": None, "catch_up_reason": "the broker cannot be reached", "headroom_s": None}


def test_a_cut_file_is_noticed_by_the_witness(app, tmp_path):
    document("track", "signup", "--json")
    for _ in range(5):
        assert run("track", "signup").returncode == 0
    app.client.hset(app.keys.name("ledger"), mapping={"seq": 2, "accepted": 2, "n:ready": 2})
    app.client.ltrim(app.keys.name("ready"), -2, -1)
    done = run("verify")
    assert done.returncode == 1
    assert b"the broker lost at most 4 accepted events between" in done.stdout
    assert run("verify", "--accept-loss").returncode == 1
    assert run("verify").returncode == 0


def test_the_deadline_travels_with_the_call(app):
    """A call that the producer gave up is refused by the broker when it arrives late."""
    here = Client(Settings.load(), app)
    here.track([here.make("signup", {})])
    here._own_sender()._clock_offset -= 3600
    receipts = here.track([here.make("signup", {})])
    assert receipts
    assert abs(here._own_sender()._clock_offset - (time.time() - time.monotonic())) < 60
