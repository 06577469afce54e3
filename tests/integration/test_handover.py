"""From a call to the queue or the spool, with a real broker."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time

import leadrelay
import pytest
from leadrelay import tracking
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent, SpoolFull, SpoolUnusable
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books
from leadrelay.settings import Settings
from leadrelay.spool.folder import Folder
from leadrelay.spool.summary import summary

from tests.chaos.processes import Broker, until

AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def app(monkeypatch, tmp_path):
    """Make this process an application; gives a function that opens its client."""
    made = []

    def opened(url=AWAY, **env):
        monkeypatch.setenv("LEADRELAY_BROKER_URL", url)
        monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
        for name, value in env.items():
            monkeypatch.setenv(f"LEADRELAY_{name}", value)
        monkeypatch.setattr(tracking, "_client", None)
        monkeypatch.setattr(tracking, "_configured", {})
        made.append(tracking.client())
        return made[-1]

    yield opened
    for client in made:
        client.close()


def spool(client):
    return summary(Folder(client.settings.home, client.settings.label()))


def serials(queue):
    claim = queue.claim("w", "r", 1000, 10**7, 0)
    return [json.loads(claimed.message.payload).get("serial") for claimed in claim.messages]


def test_what_was_spooled_goes_first_when_the_broker_is_back(app, tmp_path):
    broker = Broker(tmp_path)
    here = app(broker.url, TIMEOUT_MS="2000")
    leadrelay.track_event("a", serial=0)
    broker.kill()
    for serial in range(1, 4):
        leadrelay.track_event("a", serial=serial)
    assert spool(here).events == 3
    broker.start()
    queue = Queue(broker.client)
    until(lambda: read_books(queue).accepted >= 4, "the spool is drained by itself")
    leadrelay.track_event("a", serial=4)
    until(lambda: read_books(queue).accepted == 5, "all are accepted")
    assert serials(queue) == list(map(str, range(5)))
    broker.kill()


def test_while_anything_waits_events_go_behind_it(app, broker, client):
    here = app(broker.url, TIMEOUT_MS="5000")
    leadrelay.track_event("a", serial=0)
    folder = Folder(here.settings.home, here.settings.label())
    held = os.open(folder.home / "held", os.O_CREAT | os.O_RDWR)
    os.close(held)
    folder.make()
    folder.segments.mkdir()
    here.handover._keeper.wake = lambda _: None  # nobody drains now
    leadrelay.track_event("a", serial=1)
    assert spool(here).events == 1
    assert read_books(Queue(client)).accepted == 1


def test_a_hung_broker_costs_one_time_out(app, tmp_path, monkeypatch):
    broker = Broker(tmp_path)
    here = app(broker.url, TIMEOUT_MS="2000")
    leadrelay.track_event("a", serial=0)
    calls, sent = [], here.handover._door.opened.sender.enqueue
    monkeypatch.setattr(here.handover._door.opened.sender, "enqueue", lambda *a, **k: calls.append(a) or sent(*a, **k))
    broker.process.signal(signal.SIGSTOP)
    ids = [leadrelay.track_event("a", serial=serial) for serial in range(1, 50)]
    foreground = [call for call in calls if len(call[0]) == 1]
    broker.process.signal(signal.SIGCONT)
    assert len(set(ids)) == 49
    assert len(foreground) <= 2
    queue = Queue(broker.client)
    until(lambda: read_books(queue).accepted == 50, "all are accepted, each once")
    assert serials(queue) == list(map(str, range(50)))
    broker.kill()


def test_a_wrong_event_is_a_dead_letter_unless_strict(app, broker, client, caplog):
    app(broker.url, STRICT="false", TIMEOUT_MS="5000")
    eid = leadrelay.track_event("a", eh="a secret height", x=["secret"])
    (claimed,) = Queue(client).claim("w", "r", 10, 10**6, 0).messages
    assert claimed.message.eid == eid
    assert json.loads(claimed.message.payload)["_invalid"].startswith("x: a value of type list")
    assert "secret" not in caplog.text
    app(broker.url, STRICT="true")
    with pytest.raises(InvalidEvent):
        leadrelay.track_event("a", x=["secret"])


def test_a_full_spool_loses_and_counts_or_raises(app, caplog):
    here = app(STRICT="false", SPOOL_MAX_BYTES="1000")
    for _ in range(30):
        assert leadrelay.track_event("a")
    seen = spool(here)
    assert seen.events + seen.lost == 30
    assert seen.lost > 20
    assert caplog.text.count("lost and counted") == 1
    app(STRICT="false", SPOOL_MAX_BYTES="1000", SPOOL_FULL="raise")
    with pytest.raises(SpoolFull):
        leadrelay.track_event("a")


def test_a_home_that_cannot_be_written_is_said_and_counted(app, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    here = app(STRICT="false", HOME=str(tmp_path / "file" / "home"))
    for _ in range(3):
        assert leadrelay.track_event("a")
    assert here.handover._lost.pending == 3
    assert caplog.text.count("cannot be written") == 1
    app(STRICT="true")
    with pytest.raises(SpoolUnusable):
        leadrelay.track_event("a")


def test_a_home_that_cannot_be_written_matters_only_while_the_broker_is_away(app, broker, client, tmp_path):
    (tmp_path / "file").write_text("")
    app(broker.url, HOME=str(tmp_path / "file" / "home"), TIMEOUT_MS="5000")
    leadrelay.track_event("a")
    assert read_books(Queue(client)).accepted == 1


def test_a_full_disk_keeps_no_event_from_a_broker_that_is_back(app, tmp_path, monkeypatch):
    broker = Broker(tmp_path)
    here = app(broker.url, STRICT="false", TIMEOUT_MS="2000")
    leadrelay.track_event("a")
    broker.kill()
    leadrelay.track_event("a")
    handover = here.handover

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Folder, "replace", full)  # of the journal
    monkeypatch.setattr(handover._writer, "append", full)
    broker.start()
    until(lambda: handover._closed, "it is known that the broker serves")
    for _ in range(3):
        leadrelay.track_event("a")
    queue = Queue(broker.client)
    assert (read_books(queue).accepted, spool(here).events, spool(here).lost) == (4, 1, 0)
    monkeypatch.undo()
    until(lambda: read_books(queue).accepted == 5, "what waited is drained once there is room")
    broker.kill()


def test_wrong_settings_raise_only_where_strict(app, caplog):
    with pytest.raises(leadrelay.ConfigurationError):
        app(TIMEOUT_MS="soon", STRICT="true")
    here = app(TIMEOUT_MS="soon", STRICT="false")
    assert here.settings.timeout_ms == 50
    assert "LEADRELAY_TIMEOUT_MS" in caplog.text


def test_threads_share_a_client(app, broker, client):
    app(broker.url, TIMEOUT_MS="10000")
    ids = []

    def track():
        ids.extend(leadrelay.track_event("a") for _ in range(20))

    threads = [threading.Thread(target=track) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: read_books(Queue(client)).accepted == 320, "all are accepted")
    assert len(set(ids)) == 320


def test_connections_that_a_broker_closed_cost_no_event_and_no_spool(app, broker, client, caplog):
    here = app(broker.url, TIMEOUT_MS="10000")
    leadrelay.track_event("a")
    client.client_kill_filter(_type="normal", skipme=True)
    leadrelay.track_event("a")
    assert read_books(Queue(client)).accepted == 2
    assert spool(here).bytes == 0
    assert "spool" not in caplog.text


def test_an_event_loop_tracks_without_being_held_up(app, broker, client):
    here = app(broker.url, TIMEOUT_MS="10000")

    async def main():
        first = await leadrelay.atrack_event("a")  # it may find no connection yet
        ids = await asyncio.gather(*(leadrelay.atrack_event("a", serial=serial) for serial in range(100)))
        return [first, *ids, *await leadrelay.atrack_many([{"ti": "b"}] * 5)]

    ids = asyncio.run(main())
    assert len(set(ids)) == 106
    until(lambda: read_books(Queue(client)).accepted == 106, "all are accepted")
    assert here.handover._of_loops is not None


def test_loops_that_have_ended_leave_no_connection_open(app, broker, client):
    here = app(broker.url, TIMEOUT_MS="10000")
    leadrelay.track_event("a")
    for _ in range(5):
        asyncio.run(leadrelay.atrack_event("a"))
    assert read_books(Queue(client)).accepted == 6
    assert len(here.handover._of_loops) == 1


def test_an_application_that_cancels_all_its_tasks_reads_no_reply_of_another_event(app, tmp_path):
    broker = Broker(tmp_path)
    here = app(broker.url, TIMEOUT_MS="10000")
    leadrelay.track_event("a")

    async def main():
        await leadrelay.atrack_event("a")
        (link,) = here.handover._of_loops.values()
        broker.process.signal(signal.SIGSTOP)
        call = asyncio.create_task(leadrelay.atrack_event("a"))
        await asyncio.sleep(0.2)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        broker.process.signal(signal.SIGCONT)
        assert call.cancelled()
        assert link._connection is None
        return await leadrelay.atrack_event("last")

    last = asyncio.run(main())
    claims = Queue(broker.client).claim("w", "r", 1000, 10**7, 0).messages
    assert claims[-1].message.eid == last
    broker.kill()


def test_an_event_loop_uses_its_own_connection(app, broker, client):
    here = app(broker.url, TIMEOUT_MS="10000")
    leadrelay.track_event("a")
    before = here.handover._door.opened.link.execute_command

    def refused(*args, **kwargs):
        raise AssertionError("the loop was held up")

    async def main():
        here.handover._door.opened.link.execute_command = refused
        try:
            return [await leadrelay.atrack_event("a") for _ in range(3)]
        finally:
            here.handover._door.opened.link.execute_command = before

    for _ in range(2):  # a second loop has a second connection
        asyncio.run(main())
    assert read_books(Queue(client)).accepted == 7


def test_an_event_loop_goes_on_while_the_broker_hangs(app, tmp_path):
    broker = Broker(tmp_path)
    app(broker.url, TIMEOUT_MS="1000")
    leadrelay.track_event("a")

    async def main():
        ticks = 0

        async def ticking():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        clock = asyncio.create_task(ticking())
        await leadrelay.atrack_event("a")
        broker.process.signal(signal.SIGSTOP)
        ticks = 0
        await asyncio.gather(*(leadrelay.atrack_event("a") for _ in range(20)))
        clock.cancel()
        return ticks

    ticks = asyncio.run(main())
    broker.process.signal(signal.SIGCONT)
    assert ticks > 10, "others ran during the time-out"
    until(lambda: read_books(Queue(broker.client)).accepted == 22, "all are accepted, each once")
    broker.kill()


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


def test_a_broker_that_cannot_even_be_named_raises_nothing(app, monkeypatch):
    app(STRICT="false")
    leadrelay.configure(broker_url="redis://:pa/ss@broker:6379/0")
    assert leadrelay.track_event("a")


def test_a_limit_of_threads_costs_no_connection_for_good(app, broker, client, monkeypatch):
    here = app(broker.url, TIMEOUT_MS="5000")
    leadrelay.track_event("a")
    link = here.handover._door.opened.link

    def refused(_):
        raise RuntimeError("can't start new thread")

    link._drop(link._free.pop())
    monkeypatch.setattr(threading.Thread, "start", refused)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            link.ping()
    monkeypatch.undo()
    assert link._open == 0


def test_a_short_process_leaves_nothing_behind_when_the_broker_serves(broker, client, tmp_path):
    env = {"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_DATASET_ID": "d", "LEADRELAY_TIMEOUT_MS": "20000"}
    subprocess.run([sys.executable, "-c", LEAVING], env={**os.environ, **env}, capture_output=True, check=True)
    assert read_books(Queue(client)).accepted == 1


def test_drain_moves_it_and_status_tells_of_it(app, broker, client, monkeypatch):
    here = app(AWAY)
    leadrelay.track_event("a", userId="7")
    leadrelay.track_event("b")
    here.close()

    def run(*args, **env):
        command = [sys.executable, "-m", "leadrelay", *args]
        return subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)

    done = run("status", "--json")
    assert (done.returncode, json.loads(done.stdout)["spool"]["events"]) == (3, 2)
    assert "spool      2 events" in run("status").stdout
    assert run("drain").returncode == 3
    elsewhere = run("drain", LEADRELAY_BROKER_URL=broker.url)
    assert elsewhere.returncode == 0
    assert "2 more events wait for another broker" in elsewhere.stdout
    assert read_books(Queue(client)).accepted == 0
    folder = Folder(here.settings.home, here.settings.label())
    monkeypatch.setenv("LEADRELAY_BROKER_URL", broker.url)
    folder.path.rename(folder.path.parent / Settings.load().label())  # as if it had been written for this broker
    done = run("drain", "--json")
    assert (done.returncode, json.loads(done.stdout)["drained"]) == (0, 2)
    assert json.loads(run("status", "--json").stdout)["spool"]["events"] == 0
    assert read_books(Queue(client)).accepted == 2


def test_without_threads_calls_drain(app, tmp_path, monkeypatch):
    """As in uWSGI without --enable-threads."""
    monkeypatch.setattr("leadrelay.handover.threads_run", lambda: False)
    broker = Broker(tmp_path)
    here = app(broker.url, TIMEOUT_MS="5000")
    before = set(threading.enumerate())
    leadrelay.track_event("a", serial=0)
    broker.kill()
    leadrelay.track_event("a", serial=1)
    broker.start()
    queue = Queue(broker.client)
    until(lambda: leadrelay.track_event("b") and spool(here).events == 0, "a later call drains")
    assert serials(queue)[:2] == ["0", "1"]
    assert set(threading.enumerate()) <= before
    broker.kill()


@pytest.mark.parametrize(
    ("options", "run"), [({}, False), ({"enable-threads": b"true"}, True), ({b"threads": b"4"}, True)]
)
def test_uwsgi_says_whether_threads_run(monkeypatch, options, run):
    from leadrelay.keeper import threads_run  # noqa: PLC0415

    assert threads_run()
    module = type(sys)("uwsgi")
    module.opt = options
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    assert threads_run() is run


def test_a_worker_tends_the_spool_of_its_home(app, broker, client):
    here = app(broker.url)
    folder = Folder(here.settings.home, here.settings.label())
    here.handover._writer.append([here.entry(here.make("a", {}))])
    assert folder.waits
    Client(Settings.load()).tend()
    until(lambda: read_books(Queue(client)).accepted == 1, "it is drained")


def test_log_lines_name_no_person(app, caplog):
    app(MODE="log")
    with caplog.at_level(logging.INFO):
        leadrelay.track_event("signup", email="ann@example.com")
    assert "title='signup' names=eid,email,proxy,si,ti" in caplog.text
    assert "ann" not in caplog.text
