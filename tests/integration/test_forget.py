"""Forgetting a person: with a real worker, wherever their events are, and what they do later is delivered."""

import json
import os
import subprocess
import sys
import time

import pytest
import redis
from celery import Celery
from leadrelay import forgotten
from leadrelay.entry import Entry
from leadrelay.history import HistoryFiles
from leadrelay.lane import scope_of, tombstone_of
from leadrelay.queue import DeadLetters, Queue
from leadrelay.queue.audit import read_audit
from leadrelay.queue.verify import everything, recount
from leadrelay.settings import Settings
from leadrelay.spool.folder import Folder
from leadrelay.spool.writer import Writer

from tests.chaos.processes import until
from tests.chaos.run import DATASET, Run
from tests.letters import die, event

SECRET = "one secret for all"
ANN = "Ann.Smith@Example.com"
#: ms beyond the act that are covered, and a bit.
BEYOND_S = 4


@pytest.fixture
def here(tmp_path):
    with Run(tmp_path) as run:
        run.env |= {"LEADRELAY_LANE_SECRET": SECRET, "LEADRELAY_TIMEOUT_MS": "5000"}
        yield run


def cli(here, *args, stdin="", code=0, **env):
    done = subprocess.run(
        [sys.executable, "-m", "leadrelay", *args],
        env={**os.environ, **here.env, **env}, input=stdin, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def forget(here, *args, **more):
    return json.loads(cli(here, "forget", *args, "--json", **more))


def arrived(here):
    return [json.dumps(got) for got in here.events()]


def later():
    """Wait until what is accepted now is after what a tombstone covers."""
    time.sleep(BEYOND_S)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_person_is_forgotten_wherever_they_are_and_served_when_they_come_back(here, pool):
    die(here.queue, [event(1, email=ANN), event(2, email="bob@example.com")])
    here.queue.enqueue([event(3, "a" * 16, email=f" {ANN.upper()} ", si=DATASET), event(4, "a" * 16, si=DATASET)])
    here.queue.enqueue([event(5, userId="ann@example.com", si=DATASET)])
    inbox = Celery("app", broker=here.broker.url)
    inbox.send_task("track_event", ["signup"], {"email": ANN}, queue="leadrelay")
    said = forget(here, "--from", "-", stdin=f"email={ANN.lower()}\n\n")
    assert (said["people"], said["new"], said["dead_dropped"]) == (1, 1, 1)
    assert said["waiting"] == {"ready": 1, "inbox": 1}
    assert said["pending"] == 2
    assert "ann" not in json.dumps(said).lower()
    later()
    inbox.send_task("track_event", ["signup"], {"email": ANN, "back": "inbox"}, queue="leadrelay")
    inbox.close()
    here.queue.enqueue([event(6, email=ANN, back="ready", si=DATASET)])
    here.start_worker(pool)
    until(lambda: here.books().delivered == 4 and here.books().dropped == 3, "all are settled", 90)
    got = arrived(here)
    assert sum("back" in one for one in got) == 2
    assert sum("smith" in one.lower() for one in got) == 2
    assert [letter.message.seq for letter in DeadLetters(here.queue).select()] == [2]
    again = forget(here, "--user", f"email={ANN}")
    assert (again["new"], again["dead_dropped"], again["pending"]) == (0, 0, 0)
    assert again["up_to"] == said["up_to"]
    assert not recount(here.queue).findings
    here.workers[0].stop()
    lines = [
        json.loads(line)
        for file in HistoryFiles(here.folder / "home").files()
        for line in file.read_text().splitlines()
    ]
    assert [line["reason"] for line in lines if line["outcome"] == "dropped"] == ["forgotten"]
    acts = list(read_audit(here.queue))
    assert {"forget", "drop"} <= {act.act for act in acts}
    assert not [act for act in acts if "smith" in act.detail.lower()]


def test_what_waits_in_a_spool_comes_to_the_broker_without_the_person(here):
    folder = Folder(here.folder / "home", Settings(broker_url=here.env["LEADRELAY_BROKER_URL"]).label())
    writer = Writer(folder, most_bytes=10**6)
    theirs = json.dumps({"si": DATASET, "ti": "x", "uid": "u-777777", "eid": "1" * 32}).encode()
    others = json.dumps({"si": DATASET, "ti": "x", "uid": "u-888888", "eid": "2" * 32}).encode()
    writer.append([Entry("1" * 32, "b" * 16, scope_of({"si": DATASET}), theirs)])
    writer.append([Entry("2" * 32, "c" * 16, scope_of({"si": DATASET}), others)])
    said = forget(here, "--user", "uid=u-777777", "--dataset", DATASET)
    assert said["waiting"] == {"spool": 1}
    assert any("*.damaged" in place for place in said["out_of_reach"])
    later()
    writer.append([Entry("3" * 32, "b" * 16, scope_of({"si": DATASET}), theirs.replace(b"1" * 32, b"3" * 32))])
    cli(here, "drain")
    waiting = {raw.split(b" ", 3)[2]: raw for state, raw in everything(here.queue) if state == "ready"}
    assert forgotten.STAND_IN in waiting[b"1" * 32]
    assert b"u-777777" not in waiting[b"1" * 32]
    here.start_worker()
    until(lambda: (here.books().delivered, here.books().dropped) == (2, 1), "two are delivered, one is dropped", 90)
    assert sum("u-777777" in one for one in arrived(here)) == 1


def test_a_running_worker_hears_of_it_and_pending_goes_down(here):
    here.faults({"status": 503, "share": 1.0})
    here.start_worker()
    here.queue.enqueue([event(1, sid="s-424242", si=DATASET), event(2, si=DATASET)])
    until(lambda: here.books().scheduled == 2, "both are scheduled", 90)
    assert forget(here, "--user", "sid=s-424242")["waiting"] == {"scheduled": 1}
    here.faults()

    def over():
        here.hurry()
        return (here.books().delivered, here.books().dropped) == (1, 1)

    until(over, "one is delivered, one dropped", 90)
    assert forget(here, "--user", "sid=s-424242")["pending"] == 0


def test_only_the_named_name_and_dataset_are_meant(here):
    die(here.queue, [event(1, uid="4242", si="a"), event(2, userId="4242", si="a"), event(3, uid="4242", si="b"),
                     event(4, otui="x.4242.1", si="a"), event(5, uid="4242.x", si="a")])  # fmt: skip
    assert forget(here, "--user", "uid=4242", "--dataset", "a")["dead_dropped"] == 1
    assert forget(here, "--user", "otui=x.4242.9.9")["dead_dropped"] == 2
    assert [letter.message.seq for letter in DeadLetters(here.queue).select()] == [2, 3]


def test_a_letter_that_is_no_event_is_named_and_not_guessed(here):
    here.queue.client.lpush("leadrelay", b"\xff not a message of ann.smith@example.com")
    here.start_worker()
    until(lambda: here.books().dead == 1, "it is dead", 60)
    said = forget(here, "--user", f"email={ANN}")
    assert (said["dead_dropped"], said["mentioned"]) == (0, [1])


def test_again_covers_what_came_since(here):
    forget(here, "--user", "uid=u-1234")
    later()
    die(here.queue, [event(1, uid="u-1234")])
    assert forget(here, "--user", "uid=u-1234")["dead_dropped"] == 0
    assert forget(here, "--user", "uid=u-1234", "--again")["dead_dropped"] == 1


@pytest.mark.parametrize("bad", ["ann", "name=ann-secret", "email= ", "otui=ann-secret"])
def test_who_is_not_understood_is_said_without_the_value(here, bad):
    said = cli(here, "forget", "--user", bad, code=2)
    assert "ann-secret" not in said
    assert "Traceback" not in said


def test_the_broker_holds_a_keyed_hash_and_no_name(queue, client: redis.Redis):
    field = f"p:{tombstone_of('email', 'ann@example.com', SECRET)}"
    forgotten.write(queue, {field: "1000 2000 x"})
    stored = b"".join(b"".join(pair) for pair in client.hgetall(queue.keys.forgotten).items())
    assert b"ann" not in stored
    assert tombstone_of("email", "ann@example.com", "") not in stored.decode()


def test_tombstones_end_and_readers_notice(queue: Queue):
    field = f"p:{tombstone_of('uid', 'u1', SECRET)}"
    forgotten.write(queue, {field: f"{10**15} {10**15} {forgotten.check_of(SECRET)}"})
    known = forgotten.Forgotten(queue, SECRET)
    payload = b'{"si":"d","uid":"u1"}'
    assert not known.covers(payload, 5)
    known.refresh()
    assert known.covers(payload, 5)
    assert forgotten.prune(queue) == 0
    forgotten.write(queue, {field: f"{10**15} 1 {forgotten.check_of(SECRET)}"})
    assert forgotten.prune(queue) == 1
    known.refresh()
    assert not known.covers(payload, 5)


def test_another_secret_is_told(queue: Queue, caplog):
    forgotten.write(queue, {"p:" + "0" * 32: f"1 {10**15} {forgotten.check_of('another')}"})
    forgotten.Forgotten(queue, SECRET).refresh()
    assert "LEADRELAY_LANE_SECRET" in caplog.text
    assert SECRET not in caplog.text
