"""The endpoint is away while events arrive: what it costs each event, and how sending begins again.

By hand: ``python -m tests.chaos.outage --events 200000 --users 5000 --outage 60 --rate 0``; the short form is in
`test_outage`.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.processes import until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from tests.chaos.oracle import Verdict
    from tests.chaos.processes import Process

_ATTEMPT = re.compile(rb"event=attempt eid=(\w+) .*?outcome=(\w+)")


@dataclass(frozen=True)
class Plan:
    """What to do.

    Args:
        events: How many are tracked.
        users: Of how many users.
        rate: Events a second that are tracked, 0 as fast as it goes.
        outage_s: Seconds for which the endpoint fails.
        before: Events delivered before it fails.
        workers: How many.
        ceiling: `LEADRELAY_MAX_RATE`.
        probe_s: `LEADRELAY_PROBE_S`.
        probe_max_s: `LEADRELAY_PROBE_MAX_S`.
        fault: The sandbox's rule.
        pool: The workers' pool.
    """

    events: int = 200_000
    users: int = 5_000
    rate: float = 0.0
    outage_s: float = 60.0
    before: int = 500
    workers: int = 2
    ceiling: float = 1000.0
    probe_s: float = 1.0
    probe_max_s: float = 8.0
    fault: dict[str, Any] = field(default_factory=lambda: {"status": 503})
    pool: str = "threads"


@dataclass
class Outcome:
    """What became of it.

    Args:
        verdict: The judge's word.
        opened_after_s: Seconds from the first failure until the breaker was seen open.
        attempts_until_open: Attempts that failed until then.
        failed: Attempts that failed in all.
        attempts: Number of events by how many attempts they took.
        back_s: Seconds from the endpoint's return to the first event accepted.
        burst: Most events that arrived within one second after the return.
        drained_s: Seconds from the return until nothing waited.
        memory_mb: Peak resident size of the workers together: before the outage, during it.
        reasons: What status said under ``sending``.
        books: Whether they balance at the end.
    """

    verdict: Verdict
    opened_after_s: float
    attempts_until_open: int
    failed: int
    attempts: dict[int, int]
    back_s: float
    burst: int
    drained_s: float
    memory_mb: tuple[float, float]
    reasons: list[str]
    books: bool

    def row(self) -> str:
        """Give the figures in one line."""
        return (
            f"{self.verdict.row()}; open after {self.opened_after_s:.1f} s and {self.attempts_until_open} attempts, "
            f"{self.failed} failed in all; events by attempts {self.attempts}; back after {self.back_s:.1f} s, most in "
            f"one second {self.burst}, drained after {self.drained_s:.1f} s; workers {self.memory_mb[0]:.0f} MB "
            f"before, {self.memory_mb[1]:.0f} MB during; books {'balance' if self.books else 'DO NOT BALANCE'}"
        )


def resident_mb(processes: list[Process]) -> float:
    """Give the resident memory of these processes, in MB."""
    pages = (int(Path(f"/proc/{one.pid}/statm").read_text().split()[1]) for one in processes if one.alive)
    return sum(pages) * 4096 / 1e6


def attempts_of(folder: Path) -> tuple[Counter[str], int]:
    """Read the workers' logs: attempts by event, and how many attempts failed."""
    by_event: Counter[str] = Counter()
    failed = 0
    for log in folder.glob("w*.log"):
        for eid, outcome in _ATTEMPT.findall(log.read_bytes()):
            by_event[eid.decode()] += 1
            failed += outcome != b"accepted"
    return by_event, failed


def arrival_times(store: Path) -> list[int]:
    """Give when each accepted event arrived, in ms, in order."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        return [at_ms for (at_ms,) in database.execute("SELECT at_ms FROM events ORDER BY idx")]


def most_in_a_second(times: list[int], since_ms: float) -> int:
    """Give the most events within any one second after a moment."""
    times = [at for at in times if at >= since_ms]
    start, most = 0, 0
    for end, at in enumerate(times):
        while at - times[start] >= 1000:
            start += 1
        most = max(most, end - start + 1)
    return most


class Watcher(threading.Thread):
    """Looks at memory and at status while a run goes on."""

    def __init__(self, run: Run) -> None:
        """Watch `run` until `stop` is set."""
        super().__init__(daemon=True)
        self.watched = run
        self.stopping = threading.Event()
        self.peak_mb = 0.0
        self.reasons: dict[str, None] = {}

    def run(self) -> None:
        """Look a few times a second."""
        while not self.stopping.wait(0.2):
            self.peak_mb = max(self.peak_mb, resident_mb(self.watched.workers))
            sending = self.watched.books().sending
            self.reasons[f"{sending.state}: {sending.reason}"] = None

    def take(self) -> float:
        """Give the peak so far and begin anew."""
        peak, self.peak_mb = self.peak_mb, 0.0
        return peak


def outage(folder: Path, plan: Plan) -> Outcome:
    """Run it."""
    with Run(folder, pool=plan.pool) as run:
        run.env |= {
            "LEADRELAY_MAX_RATE": str(plan.ceiling),
            "LEADRELAY_PROBE_S": str(plan.probe_s),
            "LEADRELAY_PROBE_MAX_S": str(plan.probe_max_s),
        }
        for _ in range(plan.workers):
            run.start_worker()
        run.produce(plan.events, users=plan.users, rate=plan.rate)
        watcher = Watcher(run)
        watcher.start()
        until(lambda: run.books().delivered > plan.before, "events flow")
        before_mb = watcher.take()
        run.faults(plan.fault)
        failing = time.monotonic()
        until(lambda: run.books().sending.state.startswith("breaker"), "the breaker opens", plan.outage_s)
        opened_after = time.monotonic() - failing
        until_open = attempts_of(folder)[1]
        time.sleep(max(0.0, failing + plan.outage_s - time.monotonic()))
        during_mb = watcher.take()
        run.faults()
        back, back_ms, delivered = time.monotonic(), time.time() * 1000, run.books().delivered
        until(lambda: run.books().delivered > delivered, "the endpoint is tried again", plan.probe_max_s * 4 + 10)
        back_s = time.monotonic() - back
        run.drain(plan.events / 100 + 120)
        drained = time.monotonic() - back
        watcher.stopping.set()
        watcher.join()
        verdict, books = run.verdict(), run.books().balanced
        for process in run.workers:
            process.stop()
        by_event, failed = attempts_of(folder)
        return Outcome(
            verdict=verdict,
            opened_after_s=opened_after,
            attempts_until_open=until_open,
            failed=failed,
            attempts=dict(sorted(Counter(by_event.values()).items())),
            back_s=back_s,
            burst=most_in_a_second(arrival_times(folder / "arrived.sqlite"), back_ms),
            drained_s=drained,
            memory_mb=(before_mb, during_mb),
            reasons=list(watcher.reasons),
            books=books,
        )


def main() -> None:
    """Run it by arguments, print the figures, and fail when an event was lost or out of order."""
    parser = argparse.ArgumentParser(description=__doc__)
    plan = Plan()
    for name in ("events", "users", "before", "workers"):
        parser.add_argument(f"--{name}", type=int, default=getattr(plan, name))
    for name in ("rate", "ceiling", "probe_s", "probe_max_s"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(plan, name))
    parser.add_argument("--outage", dest="outage_s", type=float, default=plan.outage_s, help="seconds")
    parser.add_argument("--fault", type=json.loads, default=plan.fault, help="a rule of the sandbox, as JSON")
    parser.add_argument("--pool", choices=["threads", "prefork"], default=plan.pool)
    options = Plan(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory(prefix="outage-") as folder:
        outcome = outage(Path(folder), options)
    print(outcome.row())
    for reason in outcome.reasons:
        print(f"  {reason}")
    verdict = outcome.verdict
    sys.exit(1 if verdict.lost or verdict.out_of_order or verdict.findings or not outcome.books else 0)


if __name__ == "__main__":
    main()
