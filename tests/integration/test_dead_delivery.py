"""Dead letters beside a real worker: what is replayed arrives, a stale send is told, what waits is not called dead."""

import json
import os
import subprocess
import sys

import pytest
from leadrelay.history import HistoryFiles
from leadrelay.queue import DeadLetters, Replayed, Selection
from leadrelay.queue.core import REJECTED_RUN
from leadrelay.queue.hours import read_hours
from leadrelay.queue.replay import Plan, run
from leadrelay.tally import total

from tests.chaos.order import told_stale
from tests.chaos.processes import until
from tests.chaos.run import DATASET, Run
from tests.letters import LANE, event


@pytest.fixture
def started(tmp_path):
    with Run(tmp_path) as here:
        here.start_worker()
        until(lambda: here.books().workers == 1, "the worker claims", 30)
        yield here


def ended(here, delivered, dead):
    until(lambda: (here.books().delivered, here.books().dead) == (delivered, dead), f"{delivered}, {dead} dead", 60)


def history(here):
    here.workers[0].stop()
    files = HistoryFiles(here.folder / "home").files()
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def cli(here, *args):
    command = [sys.executable, "-m", "leadrelay", *args]
    done = subprocess.run(command, env={**os.environ, **here.env}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_stale_letter_is_sent_only_when_allowed_and_is_told_everywhere(started):
    started.faults({"status": 400, "ti": "bad"})
    letters = DeadLetters(started.queue)
    old, new = event(1, LANE, ti="bad", si=DATASET), event(2, LANE, si=DATASET)
    started.queue.enqueue([old, new])
    ended(started, 1, 1)
    assert letters.replay([1], "ann") == Replayed(stale=1)
    assert "stale" in cli(started, "dead", "show", old.eid)
    started.faults()
    assert letters.replay([1], "ann", allow_stale=True) == Replayed(1)
    ended(started, 2, 0)
    lines = {(line["eid"], line["outcome"]): line for line in history(started)}
    assert told_stale([started.workers[0].log]) == {old.eid}
    assert lines[old.eid, "delivered"]["stale"] is True
    assert "stale" not in lines[new.eid, "delivered"]
    assert "stale: newer events of the same user went out before it" in cli(started, "trace", old.eid)
    assert "stale" not in cli(started, "trace", new.eid)
    assert total(row.tally for row in read_hours(started.queue, 0, 10**9).rows).stale == 1
    assert started.books().balanced


def test_what_is_replayed_arrives_once_and_in_order(started):
    started.faults({"status": 400})
    letters = DeadLetters(started.queue)
    started.queue.enqueue([event(number, LANE, si=DATASET) for number in range(1, 4)])
    ended(started, 0, 3)
    started.faults()
    *_, last = run(letters, Plan(Selection(), "abc", "all"), "ann", lambda _: False)
    assert last.here == Replayed(3)
    ended(started, 3, 0)
    assert [arrived["eid"] for arrived in started.events()] == [f"{number:032x}" for number in range(1, 4)]


def test_a_rejected_event_that_waits_is_not_told_as_dead(started):
    started.faults({"status": 400})
    started.queue.enqueue([event(number, si=DATASET) for number in range(1, 2 * REJECTED_RUN + 1)])
    ended(started, 0, REJECTED_RUN)
    until(lambda: started.books().in_flight == 0, "every one is settled", 30)
    dead = {f"{letter.message.seq:032x}" for letter in DeadLetters(started.queue).select()}
    assert {line["eid"] for line in history(started) if line["outcome"] == "dead"} == dead
