"""Workers and producers that die or sleep: whole processes, single children, several at once."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

from tests.chaos.processes import until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.oracle import Verdict
    from tests.chaos.processes import Process

#: Milliseconds of the endpoint, so that there is always something in flight.
_DELAY = {"delay_s": 0.005}
#: Seconds for which a worker may stand still when one of its children is stopped; 60 and what a busy machine adds.
_LONGEST_S = 120.0
#: Of the run of kills and restarts: pools of its workers, events tracked a second, and of how many users.
_POOLS = ("threads", "threads", "prefork")
_RATE = 700
_USERS = 2000


def at_failpoint(folder: Path, name: str, pool: str = "threads") -> Verdict:
    """Kill the producer or the worker at one named step, start another, and judge."""
    with Run(folder, pool=pool) as run:
        if name.startswith("enqueue"):
            run.start_worker()
            run.env["LEADRELAY_FAILPOINT"] = f"{name}:20"
            dying = run.produce(60)
            until(lambda: not dying.alive, f"the producer dies at {name}")
            del run.env["LEADRELAY_FAILPOINT"]
            run.produce(60)
        else:
            dying = run.start_worker(LEADRELAY_FAILPOINT=f"{name}:{1 if name.startswith('close') else 2}")
            run.produce(300)
            if name.startswith("close"):
                run.flows()
                dying.signal(signal.SIGTERM)
            until(lambda: not dying.alive, f"the worker dies at {name}")
            run.expire_leases()
            run.start_worker()
        run.did("kills while closing" if name.startswith("close") else "kills")
        run.drain()
        return run.verdict()


def random_kills(
    folder: Path, kills: int, events: int, pool: str = "threads", *, workers: int = 1, seed: int = 1
) -> Verdict:
    """SIGKILL workers at random moments, each time with events in flight; of several, some at once."""
    chance = random.Random(seed)
    with Run(folder, pool=pool) as run:
        running = [run.start_worker() for _ in range(workers)]
        run.done["workers at once"] = workers
        run.faults(_DELAY)
        run.produce(events)
        while run.done["kills"] < kills:
            run.flows()
            time.sleep(chance.random() * 0.3)
            until(run.in_flight, "events are in flight", 60)
            for process in chance.sample(running, chance.randint(1, workers)):
                run.kill_worker(process)
                running[running.index(process)] = run.start_worker()
            run.expire_leases()
        run.drain(240)
        return run.verdict()


def kills_and_restarts(folder: Path, kills: int, restarts: int, events: int, fsync: str, *, seed: int = 1) -> Verdict:
    """SIGKILL some of three workers, or the broker, again and again while events are tracked and delivered."""
    chance = random.Random(seed)
    with Run(folder, fsync=fsync) as run:
        running = [run.start_worker(pool) for pool in _POOLS]
        run.done["workers at once"] = len(_POOLS)
        run.faults(_DELAY)
        run.produce(0, accepted=events, rate=_RATE, users=_USERS)
        while run.done["kills"] < kills or run.done["restarts"] < restarts:
            run.flows(events // (kills + restarts), _LONGEST_S)
            time.sleep(chance.random() * 0.3)
            if run.done["restarts"] * kills < run.done["kills"] * restarts:
                run.restart_broker(chance.random() * 0.5)
                continue
            until(run.in_flight, "events are in flight", _LONGEST_S)
            for number in chance.sample(range(len(_POOLS)), chance.randint(1, len(_POOLS))):
                run.kill_worker(running[number])
                running[number] = run.start_worker(_POOLS[number])
            run.expire_leases()
        run.drain(900)
        return run.verdict(rescued=run.books().rescued)


def stopped_past_lease(folder: Path, stops: int, pool: str = "threads") -> Verdict:
    """SIGSTOP a worker until its events are rescued and delivered by another, then SIGCONT it."""
    with Run(folder, pool=pool) as run:
        sleeper = run.start_worker()
        run.faults({"delay_s": 0.03})
        run.produce(600 * stops, rate=400)
        for _ in range(stops):
            until(run.in_flight, "events are in flight")
            sleeper.signal(signal.SIGSTOP)
            run.did("stops")
            rescued = run.books().rescued
            run.outlive_lease(sleeper)
            other = run.start_worker()
            until(
                lambda before=rescued: run.books().rescued > before or not run.in_flight(),
                "the sleeper's events are rescued",
            )
            sleeper.signal(signal.SIGCONT)
            until(lambda: run.books().workers > 1, "both workers claim")
            other.stop()
        run.drain()
        return run.verdict()


def children(folder: Path, kills: int, stops: int, events: int, *, workers: int = 1, seed: int = 1) -> Verdict:
    """SIGKILL and SIGSTOP single children of prefork workers.

    A child that is stopped in an attempt is killed by its parent after 10 s. One that is stopped before it began has
    no attempt that could take too long: its worker takes the event back after 60 s (`flight.HOLD_CAP_S`), and may
    stand still until then when a suspect is waiting for it to have empty hands.
    """
    chance = random.Random(seed)
    acts = [signal.SIGKILL] * kills + [signal.SIGSTOP] * stops
    chance.shuffle(acts)
    with Run(folder, pool="prefork") as run:
        running = [run.start_worker() for _ in range(workers)]
        run.done["workers at once"] = workers
        run.faults(_DELAY)
        run.produce(events)
        for act in acts:
            run.flows(20, _LONGEST_S)
            time.sleep(chance.random() * 0.1)
            until(run.in_flight, "events are in flight", 60)
            os.kill(chance.choice(_children(chance.choice(running))), act)
            run.did("child kills" if act == signal.SIGKILL else "child stops")
        run.drain(240)
        if not all(process.alive for process in running):
            raise AssertionError("a worker did not outlive its children")
        return run.verdict()


def _children(process: Process) -> list[int]:
    """Give the children that run attempts (a prefork worker may have another kind of child for a moment)."""
    return until(process.children, "the worker has children", 30)
