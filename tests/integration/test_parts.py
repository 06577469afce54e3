"""`leadrelay up` and `leadrelay run`: everything that they say is there."""

import contextlib
import errno
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
import requests
from leadrelay import embedded
from leadrelay.settings import Settings
from leadrelay.spool.folder import Folder
from leadrelay.spool.writer import Writer
from leadrelay_worker.up import OwnBroker

from tests.chaos.processes import Process, free_port, until
from tests.unit.spool.model import event


def part(tmp_path, *words, **env):
    return Process(
        words[0], [sys.executable, "-m", "leadrelay", *words], tmp_path, {"LEADRELAY_DATASET_ID": "d", **env}
    )


def end(process):
    process.child.terminate()
    until(lambda: not process.alive, "it ends", 60)
    assert process.child.returncode == 0, process.tail()


def answers(url):
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False


def test_up_runs_a_gateway_and_tells_where_all_is(tmp_path):
    base = free_port()
    process = part(tmp_path, "up", "--sandbox", "--port-base", str(base), LEADRELAY_HOME=str(tmp_path / "home"))
    monitor, sandbox, gateway, metrics = (f"http://127.0.0.1:{base + number}" for number in range(4))
    try:
        for path in (f"{monitor}/delivery", f"{sandbox}/_sandbox/stats", f"{gateway}/readyz", f"{metrics}/metrics"):
            until(lambda path=path: answers(path), path, 120)
        said = process.log.read_text()
        assert all(url in said for url in (monitor, sandbox, gateway, f"{metrics}/metrics"))
        eid = requests.get(gateway, params={"si": "d", "ti": "signup"}, timeout=10).text
        until(lambda: eid in requests.get(f"{sandbox}/_sandbox/events", timeout=10).text, "it is delivered", 120)
        end(process)
    finally:
        process.kill()


def of_home(home):
    """Give the processes that were started with this home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"LEADRELAY_HOME={home}".encode() in process.joinpath("environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("early", [True, False])
def test_up_ends_with_all_that_it_started(tmp_path, number, early):
    home, base = tmp_path / "home", free_port()
    process = part(tmp_path, "up", "--sandbox", "--port-base", str(base), LEADRELAY_HOME=str(home))
    try:
        said = "broker " if early else f"monitor  http://127.0.0.1:{base}"
        until(lambda: said in process.tail(), "it has begun", 120)
        if not early:
            until(lambda: len(of_home(home)) >= 6, "all parts run", 60)
        process.signal(number)
        until(lambda: not process.alive, "it ends", 60)
        assert process.child.returncode == 0
        assert "Traceback" not in process.log.read_text()
        assert of_home(home) == []
    finally:
        process.kill()
        for pid in of_home(home):
            os.kill(pid, signal.SIGKILL)


def test_when_up_is_killed_its_parts_end_and_another_up_goes_on(tmp_path):
    home, base = tmp_path / "home", free_port()
    process = part(tmp_path, "up", "--port-base", str(base), LEADRELAY_HOME=str(home))
    try:
        until(lambda: f"monitor  http://127.0.0.1:{base}" in process.tail(), "it has begun", 120)
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: len(of_home(home)) == 1, "the broker alone is left", 60)
        assert embedded.join(home)
        process = part(tmp_path, "up", "--port-base", str(base), LEADRELAY_HOME=str(home))
        until(lambda: process.tail().count("monitor  http://") == 2, "it has begun again", 120)
        end(process)
    finally:
        process.kill()
        embedded.stop(home)


def test_under_nohup_a_terminal_that_goes_away_ends_nothing(tmp_path):
    home, base = tmp_path / "home", free_port()
    command = ["nohup", sys.executable, "-m", "leadrelay", "up", "--port-base", str(base)]
    process = Process("up", command, tmp_path, {"LEADRELAY_HOME": str(home)})
    try:
        until(lambda: f"monitor  http://127.0.0.1:{base}" in process.tail(), "it has begun", 120)
        process.signal(signal.SIGHUP)
        until(lambda: answers(f"http://127.0.0.1:{base}/delivery"), "the monitor answers", 60)
        end(process)
    finally:
        process.kill()


def test_up_leaves_a_broker_that_ran_before(tmp_path):
    home, base = tmp_path / "home", free_port()
    embedded.start_or_join(home)
    process = part(tmp_path, "up", "--port-base", str(base), LEADRELAY_HOME=str(home))
    try:
        until(lambda: "broker " in process.tail(), "it has begun", 120)
        end(process)
        assert embedded.join(home)
    finally:
        process.kill()
        embedded.stop(home)


def test_a_broker_that_ran_before_and_hung_for_a_while_is_not_ended(tmp_path, monkeypatch):
    embedded.start_or_join(tmp_path)
    own, join = OwnBroker(Settings(home=tmp_path)), embedded.join
    own.started()
    with monkeypatch.context() as hung:
        answers = iter([None])
        hung.setattr(embedded, "join", lambda home: next(answers, None) or join(home))
        own.watch()
    own.end()
    assert join(tmp_path)
    embedded.stop(tmp_path)
    own.watch()
    own.end()
    assert not embedded.lives(tmp_path), "this one was started here"


def test_up_goes_on_while_its_broker_cannot_be_started(tmp_path, monkeypatch, capsys):
    own = OwnBroker(Settings(home=tmp_path))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(embedded, "_write", full)
    own.watch()
    assert "No space left" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "number"), [("monitor", 0), ("gateway", 2), ("metrics", 3)])
def test_up_says_which_port_is_taken_before_it_starts_anything(tmp_path, name, number):
    home, base = tmp_path / "home", free_port()
    with socket.create_server(("127.0.0.1", base + number)):
        process = part(tmp_path, "up", "--port-base", str(base), LEADRELAY_HOME=str(home))
        until(lambda: not process.alive, "it ends", 60)
    assert process.child.returncode == 1
    assert f"port {base + number}, for the {name}, is taken" in process.tail()
    assert "--port-base" in process.tail()
    assert not home.exists()


def test_up_needs_only_the_ports_on_which_it_listens(tmp_path):
    home, base = tmp_path / "home", free_port()
    with socket.create_server(("127.0.0.1", base + 1)), socket.create_server(("127.0.0.1", base + 3)):
        env = {"LEADRELAY_HOME": str(home), "LEADRELAY_HTTP": f"127.0.0.1:{free_port()}"}
        process = part(tmp_path, "up", "--port-base", str(base), **env)
        try:
            until(lambda: "monitor " in process.tail(), "it has begun", 120)
            end(process)
        finally:
            process.kill()


def test_run_with_a_gateway(broker, tmp_path):
    http, gateway = free_port(), free_port()
    options = ["--http", str(http), "--gateway", f":{gateway}"]
    process = part(tmp_path, "run", *options, LEADRELAY_BROKER_URL=broker.url)
    try:
        until(lambda: answers(f"http://127.0.0.1:{http}/readyz"), "the worker is ready", 120)
        until(lambda: answers(f"http://127.0.0.1:{gateway}/readyz"), "the gateway is ready", 120)
        end(process)
    finally:
        process.kill()


@pytest.mark.parametrize(
    ("gateway", "code", "said"), [("8020x", 2, "is not HOST:PORT"), ("0.0.0.0:8020", 2, "LEADRELAY_GATEWAY_SECRET")]
)
def test_run_says_at_once_what_is_wrong_with_a_gateway(broker, tmp_path, gateway, code, said):
    process = part(tmp_path, "run", "--gateway", gateway, LEADRELAY_BROKER_URL=broker.url)
    until(lambda: not process.alive, "it ends", 60)
    assert process.child.returncode == code
    assert said in process.tail()


def test_a_gateway_drains_what_was_left_in_the_spool(queue, broker, tmp_path):
    env = {"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_HOME": str(tmp_path / "home")}
    settings = Settings.load(env)
    writer = Writer(Folder(settings.home, settings.label()), most_bytes=10**6)
    writer.append([event(1)])
    process = part(tmp_path, "gateway", "--port", "0", **env)
    try:
        until(lambda: queue.client.llen(queue.keys.name("ready")) == 1, "it is in the queue", 60)
    finally:
        process.kill()
