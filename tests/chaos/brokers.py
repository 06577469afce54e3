"""A broker that dies, hangs, has a slow disk or no memory."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

from tests.chaos.hold import held_thread
from tests.chaos.processes import until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.oracle import Verdict


def restarts(folder: Path, number: int, events: int, fsync: str = "always", *, seed: int = 1) -> Verdict:
    """SIGKILL the broker under load and start it again on its append-only file."""
    chance = random.Random(seed)
    with Run(folder, fsync=fsync) as run:
        run.start_worker()
        run.produce(events, rate=1500)
        for _ in range(number):
            run.flows(200)
            time.sleep(chance.random() * 0.2)
            run.restart_broker()
        run.drain(240)
        return run.verdict()


def hangs(folder: Path, seconds: tuple[float, ...], events: int, *, workers: int = 2) -> Verdict:
    """SIGSTOP the broker for longer than its clients wait (5 s a worker, 0.5 s this producer), and past a lease."""
    with Run(folder) as run:
        for _ in range(workers):
            run.start_worker()
        run.done["workers at once"] = workers
        run.faults({"delay_s": 0.05})
        run.produce(events, rate=400)
        for length in seconds:
            run.flows(200)
            until(run.in_flight, "events are in flight")
            run.broker.process.signal(signal.SIGSTOP)
            time.sleep(length)
            run.broker.process.signal(signal.SIGCONT)
            run.did("hangs")
        run.drain(240)
        return run.verdict()


def slow_fsync(folder: Path, number: int, events: int) -> Verdict:
    """SIGKILL the broker while its fsync is in progress, under `everysec`.

    Then the server keeps what it acknowledged in memory for up to 2 s (`aof_delayed_fsync`), so accepted events may be
    lost: `verify` must say how many. The fsync is held by stopping the server's thread for it, and nothing else.
    """
    with Run(folder, fsync="everysec") as run:
        run.start_worker()
        run.produce(events, rate=1500)
        for _ in range(number):
            run.flows(200)
            delivered = run.books().delivered
            with held_thread(run.broker.process.pid, "bio_aof"):
                run.flows(500)
                time.sleep(0.3)
                run.forgotten += run.books().delivered - delivered
                run.restart_broker()
        run.drain(240)
        return run.verdict()


def slow_disk(folder: Path, number: int, events: int, *, seed: int = 1) -> Verdict:
    """SIGKILL the broker on a slow disk, under `always`.

    The server waits for the disk in its only thread, so stopping it for moments is what a slow fsync looks like.
    """
    chance = random.Random(seed)
    with Run(folder, fsync="always") as run:
        run.start_worker()
        run.produce(events, rate=1500)
        for _ in range(number):
            run.flows(100)
            for _ in range(5):
                run.broker.process.signal(signal.SIGSTOP)
                time.sleep(0.1 + chance.random() * 0.4)
                run.broker.process.signal(signal.SIGCONT)
                time.sleep(0.05)
            run.restart_broker()
        run.drain(240)
        return run.verdict()


def full_memory(folder: Path, events: int = 20_000) -> Verdict:
    """Fill the broker's memory under load: enqueue is refused, events are spooled, and everything else empties it."""
    with Run(folder) as run:
        client = run.broker.client
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 150 * events)
        run.produce(events)
        until(run.spooled, "enqueue is refused, so that events wait in the spool")
        run.start_worker()
        until(lambda: not run.books().backlog, "what was accepted is delivered", 240)
        client.config_set("maxmemory", 0)
        run.drain(240)
        return run.verdict(refused=1)
