"""The gateway is killed under load: each id that it answered is in the queue or in the spool."""

import contextlib
import random
import signal
import threading

import pytest
import requests
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books
from leadrelay.queue.message import Message

from tests.chaos.processes import Broker, free_port, gateway, until

CLIENTS = 8


class Load:
    """Clients that send one event after the other, and write down what was answered."""

    def __init__(self, url):
        self.url, self.answered, self.odd, self.stopped = url, [], [], threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def send(self, client):
        session = requests.Session()
        serial = 0
        while not self.stopped.is_set():
            serial += 1
            wire = {"si": "d", "ti": "x", "userId": f"u{client}", "serial": serial}
            with contextlib.suppress(requests.RequestException):
                answer = session.post(self.url, wire, timeout=20)
                if answer.status_code == 200:
                    self.answered.append(answer.text)
                elif answer.content or answer.status_code == 204:
                    self.odd.append((answer.status_code, answer.text))

    def grows(self, by=100):
        goal = len(self.answered) + by
        until(lambda: len(self.answered) >= goal, f"{by} more are answered", 120)


def queued(queue):
    raw = queue.client.lrange(queue.keys.name("ready"), 0, -1)
    return [Message.parse(one).eid for one in raw]


@pytest.fixture
def broker(tmp_path):
    server = Broker(tmp_path)
    yield server
    server.process.signal(signal.SIGCONT)
    server.kill()


@pytest.fixture
def env(broker, tmp_path):
    return {
        "LEADRELAY_BROKER_URL": broker.url,
        "LEADRELAY_DATASET_ID": "d",
        "LEADRELAY_HOME": str(tmp_path / "home"),
    }


def judge(load, broker, tmp_path, env, port):
    """Start once more, so that the spool is drained, and look for each answered id."""
    process, url = gateway(tmp_path, env, port=port)
    try:
        queue = Queue(broker.client)
        requests.post(url, {"si": "d", "ti": "last"}, timeout=20).raise_for_status()
        until(lambda: set(load.answered) <= set(queued(queue)), "every answered id is in the queue", 120)
        assert len(load.answered) == len(set(load.answered))
        assert load.odd == []
        found = queued(queue)
        assert len(found) == len(set(found)) == read_books(queue).accepted
    finally:
        process.kill()


def test_kills_under_load(tmp_path, broker, env):
    port, rng = free_port(), random.Random(5)
    with Load(f"http://127.0.0.1:{port}/") as load:
        for _ in range(5):
            process, _url = gateway(tmp_path, env, port=port)
            load.grows(rng.randrange(100, 400))
            process.kill()
    judge(load, broker, tmp_path, env, port)


def test_kills_while_the_broker_is_frozen_or_dead(tmp_path, broker, env):
    port = free_port()
    with Load(f"http://127.0.0.1:{port}/") as load:
        for trouble in ("frozen", "dead", "frozen"):
            process, _url = gateway(tmp_path, env, port=port)
            load.grows(50)
            if trouble == "frozen":
                broker.process.signal(signal.SIGSTOP)
            else:
                broker.kill()
            load.grows(100)
            process.kill()
            if trouble == "frozen":
                broker.process.signal(signal.SIGCONT)
            else:
                broker.start()
    judge(load, broker, tmp_path, env, port)


@pytest.mark.parametrize("step", ["enqueue.before", "enqueue.after"])
def test_a_kill_before_and_after_the_call_to_the_queue(tmp_path, broker, env, step):
    port = free_port()
    process, _url = gateway(tmp_path, {**env, "LEADRELAY_FAILPOINT": f"{step}:20"}, port=port)
    with Load(f"http://127.0.0.1:{port}/") as load:
        until(lambda: not process.alive, "it dies at the step", 120)
    judge(load, broker, tmp_path, env, port)


def test_a_stop_under_load_answers_what_it_read(tmp_path, broker, env):
    port = free_port()
    with Load(f"http://127.0.0.1:{port}/") as load:
        for _ in range(3):
            process, _url = gateway(tmp_path, env, port=port)
            load.grows(100)
            assert process.stop(30) == 0
    queue = Queue(broker.client)
    assert sorted(load.answered) == sorted(queued(queue))  # none is in the queue whose client was not told
    judge(load, broker, tmp_path, env, port)
