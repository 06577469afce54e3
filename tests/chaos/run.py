"""One run: a broker, a sandbox, workers that are replaced, a producer that writes down what was accepted."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import requests
from leadrelay.broker import connect, witness_of
from leadrelay.queue import DeadLetters, Queue
from leadrelay.queue.books import Books, read_books
from leadrelay.queue.verify import rewinds
from leadrelay.settings import Settings
from leadrelay.trackapi.answers import parse_answer
from leadrelay_worker.transport.flight import BATCH

from tests.chaos.oracle import Verdict, judge, read_accepted, read_arrived
from tests.chaos.processes import Broker, Process, producer, sandbox, until, worker
from tests.chaos.proxy import Proxy

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger("chaos")

DATASET = "0123456789abcdef0123456789abcdef"
CONCURRENCY = 16
#: Most that a worker holds, by its pool: `Flight.capacity`.
HELD_BY = {"threads": 2 * CONCURRENCY, "prefork": 4 * CONCURRENCY}
HELD = max(HELD_BY.values())
#: Seconds after which the worker does not wait for an answer any more, less what a busy machine adds.
_SLOW_S = 7.0
#: Seconds between lines of progress.
_SAY_S = 5.0


class Run:
    """Everything that a scenario needs, torn down at the end by process id.

    Args:
        folder: For data and logs.
        pool: Of the workers.
        fsync: Of the broker.
        broker: One that was started otherwise.
        links: Put a `Proxy` between workers and broker, producer and broker, and workers and endpoint.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pool: str = "threads",
        fsync: str = "everysec",
        broker: Broker | None = None,
        links: bool = False,
    ) -> None:
        """Start broker and sandbox."""
        self.folder = folder
        self.pool = pool
        self.broker = broker or Broker(folder, fsync=fsync)
        self.sandbox, self.url = sandbox(folder)
        self.queue = Queue(connect(self.broker.url, 10))
        self.workers: list[Process] = []
        self.producer: Process | None = None
        self.beside: list[Process] = []
        self.links: dict[str, Proxy] = {}
        #: What was done to the run, by name.
        self.done: Counter[str] = Counter()
        #: What may have come twice for it: answers that no worker heard, deliveries that a broker forgot.
        self.lost_answers = 0
        self.forgotten = 0
        self._produced: tuple[int, dict[str, Any]] = (0, {})
        self._lying = False
        self._hits = 0
        self._said_at = time.monotonic()
        self.env = {
            "LEADRELAY_BROKER_URL": self.broker.url,
            "LEADRELAY_DESTINATION_URL": self.url,
            "LEADRELAY_DATASET_ID": DATASET,
            "LEADRELAY_HOME": str(folder / "home"),
            "LEADRELAY_CONCURRENCY": str(CONCURRENCY),
            "LEADRELAY_TIMEOUT_MS": "500",
        }
        self.worker_env: dict[str, str] = {}
        self.producer_env: dict[str, str] = {}
        if links:
            self._link()

    def _link(self) -> None:
        endpoint = int(self.url.rpartition(":")[2])
        ports = {"worker": self.broker.port, "producer": self.broker.port, "endpoint": endpoint}
        self.links = {name: Proxy(port) for name, port in ports.items()}
        self.worker_env = {
            "LEADRELAY_BROKER_URL": f"redis://127.0.0.1:{self.links['worker'].port}/0",
            "LEADRELAY_DESTINATION_URL": f"http://127.0.0.1:{self.links['endpoint'].port}",
        }
        self.producer_env = {"LEADRELAY_BROKER_URL": f"redis://127.0.0.1:{self.links['producer'].port}/0"}

    def __enter__(self) -> Self:
        """Give the run."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs."""
        producers = [*self.beside, *([self.producer] if self.producer else [])]
        for process in [*self.workers, *producers, self.sandbox, self.broker.process]:
            if process.alive:
                process.kill()
        for link in self.links.values():
            link.close()

    # What runs ----------------------------------------------------------------------------------------------------

    def start_worker(self, pool: str = "", **env: str) -> Process:
        """Start a worker."""
        environment = {**self.env, **self.worker_env, **env}
        process = worker(self.folder, environment, f"w{len(self.workers)}", "--pool", pool or self.pool)
        self.workers.append(process)
        return process

    def produce(self, events: int, **options: Any) -> Process:
        """Start the producer (again)."""
        self._produced = (events, options)
        self.producer = producer(self.folder, {**self.env, **self.producer_env}, events, **options)
        return self.producer

    def produce_again(self) -> Process:
        """Start the producer as before; it goes on after the last serial that it began."""
        events, options = self._produced
        return self.produce(events, **options)

    def produce_beside(self, name: str, first: int, **options: Any) -> Process:
        """Start another producer, of events from this serial on, until the run drains."""
        env = {**self.env, **self.producer_env}
        process = producer(self.folder, env, 10**9, f"accepted-{name}.txt", first=first, name=name, **options)
        self.beside.append(process)
        return process

    def kill_worker(self, process: Process) -> None:
        """SIGKILL a worker; its lease stays until it runs out or `expire_leases` is called."""
        process.kill()
        self.did("kills")

    def restart_broker(self, away_s: float = 0.3) -> None:
        """SIGKILL the broker and start it again on its append-only file."""
        self.broker.kill()
        time.sleep(away_s)
        self.broker.start()
        self.did("restarts")

    def empty(self) -> None:
        """Empty the broker for another test, and the witness, which would say, rightly, that it lost everything."""
        self.broker.client.flushall()
        for file in (self.folder / "home").glob("witness-*"):
            file.unlink()

    def expire_leases(self) -> None:
        """Let the leases of workers that are gone run out now instead of in 30 s."""
        alive = {process.pid for process in self.workers if process.alive}
        self._expire(lambda pid: pid not in alive)

    def outlive_lease(self, process: Process) -> None:
        """Let the lease of a worker that still exists (stopped) run out now instead of in 30 s."""
        self._expire(lambda pid: pid == process.pid)

    def _expire(self, chosen: Any) -> None:
        key = self.queue.keys.name("leases")
        for name in self.broker.client.zrange(key, 0, -1):
            if chosen(int(name.decode().rpartition("/")[2].partition("-")[0])):
                self.broker.client.zadd(key, {name: 1}, xx=True)

    def hurry(self) -> None:
        """Let what is scheduled be due now."""
        key = self.queue.keys.name("scheduled")
        for member in self.broker.client.zrange(key, 0, -1):
            self.broker.client.zadd(key, {member: 1}, xx=True)

    # The endpoint -------------------------------------------------------------------------------------------------

    def faults(self, *rules: dict[str, Any]) -> None:
        """Give the sandbox its faults; counts the answers that the former ones may have kept from a worker."""
        requests.put(f"{self.url}/_sandbox/faults", json={"rules": list(rules)}, timeout=5).raise_for_status()
        hits = int(self.stats()["faults"])
        if self._lying:
            self.lost_answers += hits - self._hits
        self._hits = hits
        self._lying = any(_loses_answers(rule) for rule in rules)

    def stats(self) -> dict[str, int]:
        """Read the sandbox's totals."""
        return dict(requests.get(f"{self.url}/_sandbox/stats", timeout=5).json())

    def events(self) -> list[dict[str, Any]]:
        """Read what arrived, in order."""
        return list(requests.get(f"{self.url}/_sandbox/events", timeout=5).json())

    # What can be seen ---------------------------------------------------------------------------------------------

    def did(self, what: str, number: int = 1) -> None:
        """Count what was done to the run, and say now and then how it goes."""
        self.done[what] += number
        if time.monotonic() - self._said_at < _SAY_S:
            return
        self._said_at = time.monotonic()
        books = self.books()
        logger.info(
            "%s; accepted %d, delivered %d, waiting %d, in flight %d",
            ", ".join(f"{name} {number}" for name, number in self.done.items()),
            books.accepted, books.delivered, books.backlog, books.in_flight,
        )  # fmt: skip

    def books(self) -> Books:
        """Read the books."""
        return read_books(self.queue)

    def in_flight(self) -> bool:
        """Whether a worker holds events."""
        return self.books().in_flight > 0

    def flows(self, events: int = 50, timeout: float = 60) -> None:
        """Wait until so many more are delivered: what a dead worker left in flight does not show that one sends."""
        before = self.books().delivered
        until(lambda: self.books().delivered >= before + events or self.idle(), f"{events} more are delivered", timeout)

    def idle(self) -> bool:
        """Whether the producer is done and nothing waits."""
        books = self.books()
        produced = self.producer is None or not self.producer.alive
        return produced and not (books.backlog or books.in_flight or books.inbox)

    def drain(self, timeout: float = 120, *, hurry: bool = False) -> None:
        """Wait until the producer is done, end those beside it, and wait until every event is delivered or dead.

        `hurry`: What is scheduled is due now.
        """
        if self.producer:
            until(lambda: not self.producer.alive, "the producer is done", timeout)  # type: ignore[union-attr]
        for process in self.beside:
            process.kill()
        until(lambda: not self.spooled() or self._drain_spool(), "the spool is empty", timeout)

        def empty() -> bool:
            self.expire_leases()
            if hurry:
                self.hurry()
            self.did("waits", 0)
            return self.idle()

        until(empty, "the queue is empty", timeout)

    def spooled(self) -> bool:
        """Whether events wait in the spool."""
        return any((self.folder / "home").glob("spool/*/segments"))

    def _drain_spool(self) -> bool:
        """Drain what a producer that has ended left, over the link that was its own."""
        command = [sys.executable, "-m", "leadrelay", "drain"]
        process = Process("drain", command, self.folder, {**self.env, **self.producer_env})
        until(lambda: not process.alive, "leadrelay drain is done")
        return not self.spooled()

    def most_duplicates(self) -> int:
        """Give how many may have come twice: what died in flight, what was answered unheard, what a broker forgot."""
        died = self.done["kills"] + self.done["stops"] + self.done["child kills"] + self.done["child stops"]
        unheard = self.lost_answers + (self.links["endpoint"].lost_replies if self.links else 0)
        away = self.done["restarts"] + self.done["hangs"] + self.done["jumps"]
        in_flight = HELD * max(1, self.done["workers at once"])
        # One that closes ends all that it holds, and tells of it in its last turn.
        closing = self.done["kills while closing"] * (HELD_BY[self.pool] + BATCH)
        return died * (CONCURRENCY + BATCH) + closing + unheard + away * in_flight + self.forgotten

    def said_lost(self) -> list[str]:
        """Give what `leadrelay verify` says that the broker itself lost, by the witness of each URL in use."""
        said = []
        for env in {"worker": self.worker_env, "producer": self.producer_env}.values() if self.links else [{}]:
            settings = Settings(broker_url={**self.env, **env}["LEADRELAY_BROKER_URL"], home=self.folder / "home")
            queue = Queue(self.queue.client, witness=witness_of(settings))
            said += rewinds(queue, self.books())
        return said

    def verdict(self, *, stale: frozenset[str] = frozenset(), ordered: bool = False, **notes: int) -> Verdict:
        """Judge; with `ordered` only `stale` eids may have come out of order."""
        self.faults()
        accepted: dict[int, str] = {}
        for path in self.folder.glob("accepted*.txt"):
            accepted |= read_accepted(path)
        verdict = judge(accepted, read_arrived(self.folder / "arrived.sqlite"), self.queue, stale)
        verdict.ordered = ordered
        verdict.most_duplicates = self.most_duplicates()
        verdict.said = self.said_lost()
        reasons = Counter(f"dead: {letter.reason}" for letter in DeadLetters(self.queue).select())
        verdict.done = {**self.done, **reasons, "late": self.books().late, **notes}
        return verdict


def _loses_answers(rule: dict[str, Any]) -> bool:
    """Whether a fault may accept an event and keep the answer from the worker, or give one that is no id."""
    accepts = rule.get("status", 200) < 300 and rule.get("drop") != "before"
    no_id = "body" in rule and parse_answer(rule["body"].encode()) is None
    return accepts and ("drop" in rule or no_id or rule.get("delay_s", 0) >= _SLOW_S)
