"""`leadrelay up` and `leadrelay run`: everything that they say is there."""

import sys

import pytest
import requests
from leadrelay.settings import Settings
from leadrelay.spool.folder import Folder
from leadrelay.spool.writer import Writer

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
    ("gateway", "code", "said"), [("8020x", 2, "is not HOST:PORT"), ("0.0.0.0:8020", 1, "LEADRELAY_GATEWAY_SECRET")]
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
