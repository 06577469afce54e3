"""Short forms of what applications go through; `python -m tests.chaos.producers` is one of them."""

import os
import subprocess
import sys

import pytest
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books

from tests.chaos import applications
from tests.chaos.producers import Home, Seen, scenario


@pytest.mark.parametrize("fault", ["killed", "hung", "full"])
def test_applications_track_on_while_their_broker_is(tmp_path, fault):
    seen = scenario(tmp_path, [fault], events=300)
    assert seen.notes["exit codes"] == [0] * 4, "no call raised"
    assert len(seen.accepted) == 1200
    assert seen.faults() == []
    assert seen.notes["spooled"] > 0


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path)
    yield home
    home.close()


def test_an_event_survives_a_kill_right_after_its_call(home):
    assert applications.killed_after_the_call(home, 10) == list(range(1, 11))


def test_forked_processes_have_ids_of_their_own(home):
    ids = applications.forked(home, 4, 500)
    assert len(ids) == len(set(ids)) == 2000
    assert read_books(Queue(home.broker.client)).accepted == 2001


def test_a_judge_that_sees_nothing_is_no_judge():
    accepted = {(1, 1): "a", (1, 2): "b", (2, 1): "c"}
    said = " ".join(Seen(accepted, [], [(1, 2, "b"), (1, 1, "x"), (1, 1, "x")]).faults())
    for word in ("after", "lost: (2, 1)", "twice: (1, 1)", "another id: (1, 1)"):
        assert word in said


TRACED = "import leadrelay\nfor _ in range(5): leadrelay.track_event('a')"


@pytest.mark.parametrize(("when", "calls"), [("always", 5), ("everysec", 0)])
def test_the_disk_is_waited_for_in_the_call_where_that_is_asked_for(tmp_path, when, calls):
    """Counted by a wrapped os.fsync, before the end of the process forces the rest."""
    code = f"""\
import os, threading
count, real = [], os.fsync
def counted(handle):
    if threading.current_thread() is threading.main_thread(): count.append(handle)
    real(handle)
os.fsync = counted
{TRACED}
print(len(count))
"""
    env = {
        "LEADRELAY_BROKER_URL": "redis://127.0.0.1:1/0",
        "LEADRELAY_DATASET_ID": "d",
        "LEADRELAY_HOME": str(tmp_path),
    }
    env |= {"LEADRELAY_SPOOL_FSYNC": when}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == calls
