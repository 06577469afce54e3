"""Many faults at once: workers, children, producer, broker and every link, under load, for as long as it takes."""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

from tests.chaos.endpoint import mixed
from tests.chaos.processes import until
from tests.chaos.proxy import Link
from tests.chaos.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chaos.oracle import Verdict
    from tests.chaos.processes import Process
    from tests.chaos.proxy import Proxy

#: Pools of the workers that run side by side.
_POOLS = ("threads", "threads", "prefork")
#: Events a second that are tracked, at most: the producer must not be done long before the storm is.
_RATE = 100
#: So many that faults of the endpoint do not block every lane.
_USERS = 2000
#: Seconds for which nothing may come through: a hung broker, and reconnecting to it.
_LONGEST_S = 180.0


def storm(folder: Path, kills: int, restarts: int, events: int, fsync: str, *, seed: int = 1) -> Verdict:
    """Do one thing after another, chosen by chance, until there were so many kills, restarts and accepted events."""
    with Run(folder, fsync=fsync, links=True) as run:
        weather = Storm(run, random.Random(seed))
        run.produce(0, accepted=events, rate=_RATE, users=_USERS)
        while weather.lacks(kills, restarts):
            weather.strike(restarts / kills, events // (kills + restarts))
        weather.calm()
        run.drain(900, hurry=True)
        return run.verdict(rescued=run.books().rescued)


class Storm:
    """What can happen to a run, and how often.

    Args:
        run: With links.
        chance: Decides.
    """

    def __init__(self, run: Run, chance: random.Random) -> None:
        """Start the workers."""
        self.run = run
        self.chance = chance
        self.workers = [run.start_worker(pool) for pool in _POOLS]
        self.asleep: list[tuple[float, Process]] = []
        run.done["workers at once"] = len(_POOLS)
        self._acts: tuple[tuple[int, Callable[[], None]], ...] = (
            (50, self.kill_workers),
            (8, self.kill_child),
            (4, self.stop_worker),
            (1, self.stop_child),
            (3, self.kill_producer),
            (8, self.cut),
            (2, self.half_open),
            (6, self.lose_replies),
            (2, self.delay),
            (8, self.trouble_the_endpoint),
            (1, self.hang_broker),
            (1, self.fill_memory),
        )

    def lacks(self, kills: int, restarts: int) -> bool:
        """Whether something was not done often enough yet, or the producer is not done."""
        done = self.run.done
        return (
            done["kills"] < kills or done["restarts"] < restarts or bool(self.run.producer and self.run.producer.alive)
        )

    def strike(self, restarts_per_kill: float, events: int) -> None:
        """Wait until so many events have flown, then do something; restart the broker often enough for the kills."""
        self._wake()
        self.run.flows(events, _LONGEST_S)
        time.sleep(self.chance.random() * 0.3)
        if self.run.done["restarts"] < self.run.done["kills"] * restarts_per_kill:
            self.run.restart_broker(self.chance.random())
        else:
            weights, acts = zip(*self._acts, strict=True)
            self.chance.choices(acts, weights)[0]()
        self.run.expire_leases()

    def calm(self) -> None:
        """End every fault that lasts."""
        for _, process in self.asleep:
            process.signal(signal.SIGCONT)
        self.asleep = []
        for link in self.run.links.values():
            link.link = Link()
        self.run.faults()

    # Processes ----------------------------------------------------------------------------------------------------

    def kill_workers(self) -> None:
        """SIGKILL one or several workers at once, with events in flight, and start others."""
        until(lambda: self.run.in_flight() or self.run.idle(), "events are in flight", _LONGEST_S)
        for number in self.chance.sample(range(len(_POOLS)), self.chance.randint(1, len(_POOLS))):
            self.run.kill_worker(self.workers[number])
            self.asleep = [(until_s, process) for until_s, process in self.asleep if process.alive]
            self.workers[number] = self.run.start_worker(_POOLS[number])

    def stop_worker(self) -> None:
        """SIGSTOP a worker past its lease; it wakes some seconds later."""
        process = self.chance.choice(self.workers)
        process.signal(signal.SIGSTOP)
        self.asleep.append((time.monotonic() + self.chance.uniform(1, 8), process))
        self.run.outlive_lease(process)
        self.run.did("stops")

    def _wake(self) -> None:
        now = time.monotonic()
        asleep = {process for _, process in self.asleep}
        if asleep >= set(self.workers):  # nobody else would deliver
            now = float("inf")
        for until_s, process in self.asleep:
            if now >= until_s:
                process.signal(signal.SIGCONT)
        self.asleep = [(until_s, process) for until_s, process in self.asleep if now < until_s]

    def kill_child(self) -> None:
        """SIGKILL a child of the prefork worker."""
        self._signal_child(signal.SIGKILL, "child kills")

    def stop_child(self) -> None:
        """SIGSTOP a child of the prefork worker; its parent kills it, or does without."""
        self._signal_child(signal.SIGSTOP, "child stops")

    def _signal_child(self, number: int, name: str) -> None:
        children = self.workers[_POOLS.index("prefork")].children()
        if children:
            os.kill(self.chance.choice(children), number)
            self.run.did(name)

    def kill_producer(self) -> None:
        """SIGKILL the producer; another goes on after the last serial that it began."""
        if self.run.producer and self.run.producer.alive:
            self.run.producer.kill()
            self.run.produce_again()
            self.run.did("producer kills")

    def hang_broker(self) -> None:
        """SIGSTOP the broker for longer than its clients wait."""
        self.run.broker.process.signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(1, 7))
        self.run.broker.process.signal(signal.SIGCONT)
        self.run.did("hangs")

    def fill_memory(self) -> None:
        """Let the broker's memory be full for a moment."""
        self.run.broker.client.config_set("maxmemory", 1)
        time.sleep(0.5)
        self.run.broker.client.config_set("maxmemory", 0)
        self.run.did("full memory")

    # Links and the endpoint ---------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Reset every connection of a link."""
        self._link().cut()
        self.run.did("cuts")

    def half_open(self) -> None:
        """Swallow one direction of a link's connections."""
        self._link().half_open(self.chance.choice(("up", "down")))
        self.run.did("half-open")

    def lose_replies(self) -> None:
        """Reset a link in the middle of some replies, until the next time."""
        self._link().link = Link(reset_share=self.chance.choice((0, 0.005, 0.02)))
        self.run.did("reset shares")

    def delay(self) -> None:
        """Slow a link down, until the next time."""
        self._link().link = Link(delay_s=self.chance.choice((0, 0.01, 0.05)))
        self.run.did("delays")

    def trouble_the_endpoint(self) -> None:
        """Let the endpoint fail in every way at once, or be well again."""
        self.run.faults(*mixed(self.chance.choice((0, 0.1, 0.3))), {"delay_s": 0.005})
        self.run.did("endpoint faults")

    def _link(self) -> Proxy:
        return self.run.links[self.chance.choice(sorted(self.run.links))]
