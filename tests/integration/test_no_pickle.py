"""Nothing that others can write is ever loaded as a pickle, which would run their code."""

import base64
import dbm
import json
import pickle
import sys
from pathlib import Path

import pytest
from leadrelay.queue import DeadLetters

from tests.chaos.processes import Process, free_port, until
from tests.chaos.run import Run


class Trap:
    """Makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def sprung(tmp_path):
    return tmp_path / "sprung"


@pytest.fixture
def trap(sprung):
    assert not sprung.exists()
    return pickle.dumps(Trap(sprung))


def _message(content_type, encoding, body):
    headers = {"task": "track_event", "id": "a" * 32, "lang": "py"}
    properties = {"body_encoding": "base64", "delivery_info": {}, "delivery_tag": "x"}
    return json.dumps(
        {"body": base64.b64encode(body).decode(), "content-type": content_type, "content-encoding": encoding,
         "headers": headers, "properties": properties}
    ).encode()  # fmt: skip


def test_a_trap_works(trap, sprung):
    pickle.loads(trap)
    assert sprung.exists()


def test_a_pickle_from_the_inbox_the_queue_or_a_mailbox_is_not_loaded(tmp_path, trap, sprung):
    with Run(tmp_path) as run:
        worker = run.start_worker()
        until(lambda: run.books().workers == 1, "the worker claims", 60)
        client, message = run.queue.client, _message("application/x-python-serialize", "binary", trap)
        for key in ("leadrelay", *(name.decode() for name in client.keys("*pidbox*"))):
            client.lpush(key, message, trap)
        for channel in client.pubsub_channels("*"):
            client.publish(channel, message)
            client.publish(channel, trap)
        until(lambda: run.books().dead == 2, "both are dead letters", 60)
        assert {letter.reason for letter in DeadLetters(run.queue).select()} == {"malformed"}
        run.queue.client.lpush("leadrelay", _message("application/json", "utf-8", b'[["signup"], {}, {}]'))
        until(lambda: run.books().delivered == 1, "a good one is delivered", 60)
        assert worker.alive
    assert not sprung.exists()


def test_the_monitor_loads_no_tasks_from_a_file(tmp_path, trap, sprung):
    with dbm.open(str(tmp_path / "flower"), "c") as database:
        database["events"] = trap
    with Run(tmp_path) as run:
        command = [sys.executable, "-m", "leadrelay", "monitor", "--port", str(free_port()), "--persistent"]
        process = Process("monitor", command, tmp_path, {**run.env, "FLOWER_DB": str(tmp_path / "flower")})
        assert process.child.wait(60) == 2
        assert "pickles" in process.log.read_text()
    assert not sprung.exists()
