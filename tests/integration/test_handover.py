"""From a call to the queue or the spool, with a real broker."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading

import leadrelay
import pytest
from click.testing import CliRunner
from leadrelay.cli import group
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent, SpoolFull, SpoolUnusable
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books
from leadrelay.settings import Settings
from leadrelay.spool.folder import Folder
from leadrelay.spool.journal import Journal

from tests.chaos.processes import Broker, until
from tests.integration.handing import AWAY, serials, spool


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


def test_what_the_spool_cannot_take_is_offered_to_a_broker_that_may_be_back(app, tmp_path):
    broker = Broker(tmp_path)
    here = app(broker.url, STRICT="false", TIMEOUT_MS="2000", SPOOL_MAX_BYTES="1")
    leadrelay.track_event("a", serial=0)
    broker.kill()
    leadrelay.track_event("a", serial=1)
    here.handover._keeper.wake = lambda _: None  # it has not looked yet
    broker.start()
    assert not here.handover._closed
    leadrelay.track_event("a", serial=2)
    assert serials(Queue(broker.client)) == ["0", "2"]
    assert spool(here).lost == 1
    broker.kill()


def test_a_full_disk_keeps_no_event_from_a_broker_that_is_back(app, tmp_path, monkeypatch):
    broker = Broker(tmp_path)
    here = app(broker.url, STRICT="false", TIMEOUT_MS="2000")
    leadrelay.track_event("a")
    broker.kill()
    leadrelay.track_event("a")
    handover = here.handover

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "begin", full)
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


def test_a_disk_that_fills_ends_a_drain_in_a_sentence(app, broker, client, monkeypatch):
    here = app(broker.url)
    folder = Folder(here.settings.home, here.settings.label())
    here.handover._writer.append([here.entry(here.make("a", {}))])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Journal, "begin", full)
    done = CliRunner().invoke(group, ["drain"])
    assert (done.exit_code, type(done.exception)) == (1, SystemExit)
    assert "cannot be drained: No space left on device" in done.output
    assert folder.waits


def test_status_tells_of_a_spool_that_cannot_be_read(app, broker, client, monkeypatch):
    app(broker.url)

    def refused(_) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Folder, "waiting", refused)
    assert "cannot be read (Permission denied)" in CliRunner().invoke(group, ["status"]).output
    assert json.loads(CliRunner().invoke(group, ["status", "--json"]).output)["spool"] == {"error": "Permission denied"}


def test_without_threads_calls_drain(app, tmp_path, monkeypatch):
    """As in uWSGI without --enable-threads."""
    monkeypatch.setattr("leadrelay.handover.core.threads_run", lambda: False)
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
    from leadrelay.handover.keeper import threads_run  # noqa: PLC0415

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
