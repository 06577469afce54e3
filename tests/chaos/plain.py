"""The same kills and restarts on plain Celery with `acks_late`, judged by the same serials."""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from kombu.exceptions import OperationalError

from tests.chaos.oracle import Verdict, judge, read_arrived
from tests.chaos.processes import Broker, Process, sandbox, until

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("chaos")

#: Seconds after which plain Celery hands out again what a dead worker held.
VISIBILITY_S = 10
_ROOT = str(Path(__file__).parent.parent.parent)
_WORKER = "-m celery -A benchmarks.plain_celery worker -P threads -c 16 --loglevel=WARNING --without-mingle"


def random_kills(folder: Path, kills: int, restarts: int, events: int, *, seed: int = 1) -> Verdict:
    """SIGKILL the worker and the broker at random moments while a producer sends, then wait until nothing moves."""
    chance = random.Random(seed)
    broker = Broker(folder, fsync="always")
    endpoint, url = sandbox(folder)
    requests.put(f"{url}/_sandbox/faults", json={"rules": [{"delay_s": 0.005}]}, timeout=5)
    env = {"PLAIN_BROKER_URL": broker.url, "PLAIN_DESTINATION_URL": url, "C_FORCE_ROOT": "1", "PYTHONPATH": _ROOT}
    env["PLAIN_VISIBILITY_S"] = str(VISIBILITY_S)

    def start(number: int) -> Process:
        return Process(f"plain{number}", [sys.executable, *_WORKER.split(), "--without-gossip"], folder, env)

    def arrived() -> int:
        return int(requests.get(f"{url}/_sandbox/stats", timeout=5).json()["accepted"])

    acts = ["kill"] * kills + ["restart"] * restarts
    chance.shuffle(acts)
    accepted: dict[int, str] = {}
    feeder = threading.Thread(target=_produce, args=(_app(env), events, accepted), daemon=True)
    worker = start(0)
    feeder.start()
    try:
        for number, act in enumerate(acts, 1):
            before = arrived()
            if number % 10 == 0:
                logger.info(
                    "%d of %d kills and restarts; accepted %d, arrived %d", number, len(acts), len(accepted), before
                )
            until(lambda before=before: arrived() > before + 50 or not feeder.is_alive(), "events flow", 120)
            time.sleep(chance.random() * 0.3)
            if act == "kill":
                worker.kill()
                worker = start(number)
            else:
                broker.kill()
                time.sleep(0.3)
                broker.start()
        feeder.join(240)
        _settle_down(broker, arrived)
        verdict = judge(accepted, read_arrived(folder / "arrived.sqlite"), None)
        verdict.done = {"kills": kills, "restarts": restarts}
        return verdict
    finally:
        for process in (worker, endpoint, broker.process):
            process.kill()


def _app(env: dict[str, str]) -> Any:
    os.environ.update(env)
    from benchmarks import plain_celery  # noqa: PLC0415 - reads the environment

    plain_celery.app.conf.broker_url = env["PLAIN_BROKER_URL"]
    return plain_celery


def _produce(plain: Any, events: int, accepted: dict[int, str]) -> None:
    with plain.app.producer_or_acquire() as producer:
        for serial in range(1, events + 1):
            wire = {"si": "d1", "ti": "x", "serial": str(serial), "eid": f"{serial:032x}", "userId": str(serial % 50)}
            try:
                plain.plain_track.apply_async((wire,), producer=producer)
            except OperationalError:  # refused clearly
                time.sleep(0.02)
                continue
            accepted[serial] = wire["eid"]


def _settle_down(broker: Broker, arrived: Callable[[], int]) -> None:
    """Wait until nothing is left, or nothing has moved for three visibility time-outs."""
    still = [arrived(), time.monotonic()]

    def settled() -> bool:
        number = arrived()
        if number != still[0]:
            still[:] = [number, time.monotonic()]
        quiet = time.monotonic() - still[1]
        empty = not broker.client.llen("celery") and not broker.client.hlen("unacked")
        return quiet > (VISIBILITY_S if empty else 3 * VISIBILITY_S)

    until(settled, "plain Celery has nothing left", 600)
