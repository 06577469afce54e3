"""One run: a broker, a sandbox, workers that are replaced, a producer that writes down what was accepted."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING, Any, Self

import requests
from leadrelay.broker import connect
from leadrelay.queue import Queue
from leadrelay.queue.books import Books, read_books

from tests.chaos.oracle import Verdict, judge, read_accepted, read_arrived
from tests.chaos.processes import Broker, Process, producer, sandbox, until, worker

if TYPE_CHECKING:
    from pathlib import Path

DATASET = "0123456789abcdef0123456789abcdef"


class Run:
    """Everything that a scenario needs, torn down at the end by process id."""

    def __init__(
        self, folder: Path, *, pool: str = "threads", fsync: str = "everysec", broker_options: tuple[str, ...] = ()
    ) -> None:
        """Start broker and sandbox in `folder`."""
        self.folder = folder
        self.pool = pool
        self.broker = Broker(folder, *broker_options, fsync=fsync)
        self.sandbox, self.url = sandbox(folder)
        self.queue = Queue(connect(self.broker.url, 10))
        self.workers: list[Process] = []
        self.producer: Process | None = None
        self.kills = 0
        self.late = 0
        self.env = {
            "LEADRELAY_BROKER_URL": self.broker.url,
            "LEADRELAY_DESTINATION_URL": self.url,
            "LEADRELAY_DATASET_ID": DATASET,
            "LEADRELAY_HOME": str(folder / "home"),
            "LEADRELAY_CONCURRENCY": "16",
            "LEADRELAY_TIMEOUT_MS": "500",
        }

    def __enter__(self) -> Self:
        """Give the run."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs."""
        for process in [*self.workers, self.sandbox, self.broker.process, *([self.producer] if self.producer else [])]:
            if process.alive:
                process.kill()

    def start_worker(self, **env: str) -> Process:
        """Start a worker."""
        process = worker(self.folder, {**self.env, **env}, f"w{len(self.workers)}", "--pool", self.pool)
        self.workers.append(process)
        return process

    def produce(self, events: int, **options: Any) -> Process:
        """Start the producer (again)."""
        self.producer = producer(self.folder, self.env, events, **options)
        return self.producer

    def faults(self, *rules: dict[str, Any]) -> None:
        """Give the sandbox its faults."""
        requests.put(f"{self.url}/_sandbox/faults", json={"rules": list(rules)}, timeout=5).raise_for_status()

    def books(self) -> Books:
        """Read the books."""
        return read_books(self.queue)

    def kill_worker(self, process: Process) -> None:
        """SIGKILL a worker; its lease stays until it runs out or `expire_leases` is called."""
        process.kill()
        self.kills += 1

    def expire_leases(self) -> None:
        """Let the leases of workers that are gone run out now instead of in 30 s."""
        alive = {process.pid for process in self.workers if process.alive}
        key = self.queue.keys.name("leases")
        for name in self.broker.client.zrange(key, 0, -1):
            if int(name.decode().rpartition("/")[2].partition("-")[0]) not in alive:
                self.broker.client.zadd(key, {name: 1}, xx=True)

    def outlive_lease(self, process: Process) -> None:
        """Let the lease of a worker that still exists (stopped) run out now instead of in 30 s."""
        key = self.queue.keys.name("leases")
        for name in self.broker.client.zrange(key, 0, -1):
            if f"/{process.pid}-".encode() in name:
                self.broker.client.zadd(key, {name: 1}, xx=True)

    def in_flight(self) -> bool:
        """Whether a worker holds events."""
        return self.books().in_flight > 0

    def drain(self, timeout: float = 120) -> None:
        """Wait until the producer is done and every event is delivered or dead."""
        if self.producer:
            until(lambda: not self.producer.alive, "the producer is done", timeout)  # type: ignore[union-attr]

        def empty() -> bool:
            self.expire_leases()
            books = self.books()
            return not (books.backlog or books.in_flight or books.inbox)

        until(empty, "the queue is empty", timeout)

    def verdict(self) -> Verdict:
        """Judge."""
        return judge(
            read_accepted(self.folder / "accepted.txt"), read_arrived(self.folder / "arrived.sqlite"), self.queue
        )


def random_kills(folder: Path, kills: int, events: int, pool: str = "threads") -> tuple[Run, Verdict]:
    """SIGKILL the worker at random moments, each time with events in flight, while a producer tracks."""
    chance = random.Random(kills)
    with Run(folder, pool=pool) as run:
        process = run.start_worker()
        run.faults({"delay_s": 0.005})
        run.produce(events, rate=0)
        for _ in range(kills):
            before = run.books().delivered  # what a dead worker left in flight does not show that this one sends
            until(lambda before=before: run.books().delivered > before + 50, "events flow", 60)
            time.sleep(chance.random() * 0.3)
            until(run.in_flight, "events are in flight", 60)
            run.kill_worker(process)
            run.expire_leases()
            process = run.start_worker()
        run.drain(240)
        return run, run.verdict()


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
                until(lambda: run.books().delivered > 50, "events flow")
                dying.signal(signal.SIGTERM)
            until(lambda: not dying.alive, f"the worker dies at {name}")
            run.expire_leases()
            run.start_worker()
        run.drain()
        return run.verdict()


def stopped_past_lease(folder: Path, stops: int, pool: str = "threads") -> tuple[Run, Verdict]:
    """SIGSTOP a worker until its events are rescued and delivered by another, then SIGCONT it."""
    with Run(folder, pool=pool) as run:
        sleeper = run.start_worker()
        run.faults({"delay_s": 0.03})
        run.produce(600 * stops, rate=400)
        for _ in range(stops):
            until(run.in_flight, "events are in flight")
            sleeper.signal(signal.SIGSTOP)
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
        run.late = run.books().late
        return run, run.verdict()


def broker_restarts(
    folder: Path, restarts: int, events: int, pool: str = "threads", fsync: str = "always"
) -> tuple[Run, Verdict]:
    """SIGKILL the broker under load and start it again on its append-only file."""
    chance = random.Random(restarts)
    with Run(folder, pool=pool, fsync=fsync) as run:
        run.start_worker()
        run.produce(events, rate=1500)
        for _ in range(restarts):
            delivered = run.books().delivered
            until(lambda before=delivered: run.books().delivered > before + 200, "events flow", 60)
            time.sleep(chance.random() * 0.2)
            run.broker.kill()
            time.sleep(0.3)
            run.broker.start()
        run.drain(240)
        return run, run.verdict()


def full_broker(folder: Path, pool: str = "threads") -> tuple[Run, Verdict, bool]:
    """Fill the broker's memory under load: enqueue is refused, and everything else empties it. Gives if it refused."""
    with Run(folder, pool=pool) as run:
        client = run.broker.client
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 3_000_000)
        run.produce(20_000)
        refused = until(lambda: _refused(run), "enqueue is refused", 60)
        run.start_worker()
        run.drain(240)
        return run, run.verdict(), bool(refused)


def _refused(run: Run) -> bool:
    """Whether the producer has begun serials that were not accepted, and goes on."""
    lines = (run.folder / "accepted.txt").read_text().splitlines() if (run.folder / "accepted.txt").exists() else []
    return sum(" " not in line for line in lines) > sum(" " in line for line in lines) + 10
