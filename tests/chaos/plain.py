"""The same kills on plain Celery with `acks_late`, judged by the same serials."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from typing import TYPE_CHECKING

import requests

from tests.chaos.oracle import Verdict, judge, read_arrived
from tests.chaos.processes import Broker, Process, sandbox, until

if TYPE_CHECKING:
    from pathlib import Path

#: Seconds after which plain Celery hands out again what a dead worker held.
VISIBILITY_S = 10


def random_kills(folder: Path, kills: int, events: int) -> Verdict:
    """SIGKILL the worker at random moments while a producer sends, then wait until nothing moves any more."""
    chance = random.Random(kills)
    broker = Broker(folder)
    endpoint, url = sandbox(folder)
    requests.put(f"{url}/_sandbox/faults", json={"rules": [{"delay_s": 0.005}]}, timeout=5)
    env = {"PLAIN_BROKER_URL": broker.url, "PLAIN_DESTINATION_URL": url, "C_FORCE_ROOT": "1"}
    env["PLAIN_VISIBILITY_S"] = str(VISIBILITY_S)
    os.environ.update(env)
    from benchmarks.plain_celery import app, plain_track  # noqa: PLC0415 - reads the environment

    app.conf.broker_url = broker.url
    accepted: dict[int, str] = {}

    def produce() -> None:
        with app.producer_or_acquire() as producer:
            for serial in range(1, events + 1):
                wire = {
                    "si": "d1",
                    "ti": "x",
                    "serial": str(serial),
                    "eid": f"{serial:032x}",
                    "userId": str(serial % 50),
                }
                plain_track.apply_async((wire,), producer=producer)
                accepted[serial] = wire["eid"]

    def start(number: int) -> Process:
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "benchmarks.plain_celery",
            "worker",
            "-P",
            "threads",
            "-c",
            "16",
        ]
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
        options = ["--loglevel=WARNING", "--without-mingle", "--without-gossip"]
        return Process(f"plain{number}", [*command, *options], folder, {**env, "PYTHONPATH": root})

    def arrived() -> int:
        return int(requests.get(f"{url}/_sandbox/stats", timeout=5).json()["accepted"])

    feeder = threading.Thread(target=produce, daemon=True)
    worker = start(0)
    feeder.start()
    try:
        for number in range(kills):
            before = arrived()
            until(lambda before=before: arrived() > before + 50, "events flow", 60)
            time.sleep(chance.random() * 0.3)
            worker.kill()
            worker = start(number + 1)
        feeder.join(120)
        _settle_down(broker, arrived)
        return judge(accepted, read_arrived(folder / "arrived.sqlite"), None)
    finally:
        for process in (worker, endpoint, broker.process):
            process.kill()


def _settle_down(broker: Broker, arrived: object) -> None:
    """Wait until the queue and the unacknowledged are empty, and for one more visibility timeout."""
    client = broker.client
    until(lambda: not client.llen("celery") and not client.hlen("unacked"), "plain Celery has nothing left", 240)
    time.sleep(VISIBILITY_S)
    until(lambda: not client.llen("celery") and not client.hlen("unacked"), "plain Celery has nothing left", 60)
