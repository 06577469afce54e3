"""Processes that hand over and end, fork, or are interrupted, with a real broker."""

import os
import signal
import subprocess
import sys
import threading
import time

import leadrelay
import pytest
from leadrelay import tracking
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books
from leadrelay.spool.folder import folders
from leadrelay.spool.summary import summary

from tests.chaos.processes import Broker, until
from tests.chaos.producers import Home, read_queue
from tests.integration.handing import AWAY

LEAVING = "import leadrelay, time, sys; leadrelay.track_event('a'); sys.stdout.write(str(time.time()))"


@pytest.mark.parametrize("state", ["away", "hung"])
def test_a_process_ends_soon_though_the_broker_does_not_answer(tmp_path, state):
    broker = Broker(tmp_path)
    if state == "away":
        broker.kill()
    else:
        broker.process.signal(signal.SIGSTOP)
    env = {"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_DATASET_ID": "d", "LEADRELAY_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", LEAVING],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert time.time() - float(done.stdout) < 10, (
        "it does not wait for the broker; on an idle machine it takes under 1 s"
    )
    broker.kill()


FORKING = """
import os, time
import leadrelay
from leadrelay import tracking
tracking.client().warm()
time.sleep(0.02)
if not os.fork():
    leadrelay.track_event("a")
    end = time.monotonic() + 40
    while not tracking.client().handover._closed and time.monotonic() < end:
        time.sleep(0.02)
    os._exit(not tracking.client().handover._closed)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_child_forked_while_its_parent_loads_connects(broker, client, tmp_path):
    env = {"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_DATASET_ID": "d"}
    done = subprocess.run(
        [sys.executable, "-c", FORKING], check=False, env={**os.environ, **env}, capture_output=True, text=True
    )
    assert (done.returncode, "Error" in done.stderr) == (0, False)
    assert read_books(Queue(client)).accepted == 1


HOLDING = """
import os, signal, sys, threading
from contextlib import ExitStack, suppress
from pathlib import Path
import leadrelay
from leadrelay import tracking
from leadrelay.home import locked

leadrelay.track_event("a")
here = tracking.client()
handover, folder = here.handover, here.handover._folder
parts = [here, handover._writer, handover._lost, handover._door, handover._keeper]
locks = [tracking._lock(), *(part._lock for part in parts)]
held = threading.Event()

def hold():
    with ExitStack() as stack:
        for lock in [*locks, *map(locked, (folder.order_lock, folder.lock, folder.lost))]:
            stack.enter_context(lock)
        held.set()
        threading.Event().wait()

threading.Thread(target=hold, daemon=True).start()
held.wait()
if not os.fork():
    signal.alarm(30)
    open_files = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            open_files.append(os.readlink(f"/proc/self/fd/{name}"))
    if any(str(folder.path) in name for name in open_files):
        os._exit(1)
    leadrelay.track_event("a")
    os._exit(0)
os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_child_forked_while_a_thread_holds_every_lock_tracks(tmp_path):
    """And it has none of its parent's files open: neither locks nor room that was drained outlive the parent by it."""
    env = {"LEADRELAY_BROKER_URL": AWAY, "LEADRELAY_DATASET_ID": "d", "LEADRELAY_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", HOLDING], env={**os.environ, **env}, check=False)
    assert done.returncode == 0
    (folder,) = folders(tmp_path / "home")
    assert summary(folder).events == 2


@pytest.mark.parametrize("place", ["client", "_writer", "_lost", "_door", "_keeper", "witness", "module"])
def test_a_signal_handler_may_track_in_the_middle_of_a_call(app, broker, client, place):
    here = app(broker.url, SPOOL_MAX_BYTES="1", TIMEOUT_MS="5000", STRICT="false")
    leadrelay.track_event("a")
    handover = here.handover
    locks = {
        "client": here._lock,
        "module": tracking._lock(),
        "witness": handover._door.opened.sender.queue.witness._lock,
    }
    lock = locks.get(place) or getattr(handover, place)._lock
    handover._closed = False
    handover._door.opened.sender.queue.witness._written_at = 0.0

    def interrupted():
        with lock:
            tracking._client = None if place == "module" else here
            leadrelay.track_event("in the handler")
            handover._door.begin()
            handover._door.flush()

    call = threading.Thread(target=interrupted, daemon=True)
    call.start()
    until(lambda: not call.is_alive(), "the call returns")


def test_a_short_process_leaves_nothing_behind_when_the_broker_serves(broker, client, tmp_path):
    env = {"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_DATASET_ID": "d", "LEADRELAY_TIMEOUT_MS": "20000"}
    subprocess.run([sys.executable, "-c", LEAVING], env={**os.environ, **env}, capture_output=True, check=True)
    assert read_books(Queue(client)).accepted == 1


GREENLETS = """
from gevent import monkey

monkey.patch_all()
import gevent
import leadrelay

def user(number):
    for serial in range(1, 31):
        print(number, serial, leadrelay.track_event("a", userId=f"user-{number}", serial=serial), flush=True)
        gevent.sleep(0.02)

gevent.joinall([gevent.spawn(user, number) for number in range(10)], raise_error=True)
"""


def test_greenlets_track_on_while_their_broker_is_away(tmp_path):
    home = Home(tmp_path)
    out = tmp_path / "out"
    with out.open("w") as stream:
        greenlets = subprocess.Popen([sys.executable, "-c", GREENLETS], env={**os.environ, **home.env}, stdout=stream)
    until(lambda: len(out.read_text().splitlines()) > 50, "some are tracked")
    home.broker.kill()
    until(lambda: len(out.read_text().splitlines()) > 150, "more are tracked")
    home.broker.start()
    assert greenlets.wait(60) == 0
    home.run("drain")
    arrived = read_queue(home.broker.client)
    assert {f"{user} {serial} {eid}" for user, serial, eid in arrived} == set(out.read_text().splitlines())
    assert len(arrived) == 300
    for number in range(10):
        assert [serial for user, serial, _ in arrived if user == number] == list(range(1, 31))
    home.close()


SPAWNING = """
import multiprocessing
import leadrelay

def one(number):
    return [leadrelay.track_event("a", serial=number) for _ in range(50)]

if __name__ == "__main__":
    leadrelay.track_event("a")
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        ids = sum(pool.map(one, range(3), chunksize=1), [])
        pool.close()
        pool.join()
    print(len(ids), len(set(ids)))
"""


def test_spawned_processes_track_under_ids_of_their_own(tmp_path):
    home = Home(tmp_path)
    (tmp_path / "spawning.py").write_text(SPAWNING)
    done = subprocess.run(
        [sys.executable, "spawning.py"],
        cwd=tmp_path,
        env={**os.environ, **home.env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["150", "150"]
    home.run("drain")
    assert read_books(Queue(home.broker.client)).accepted == 151
    home.close()
