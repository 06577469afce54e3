"""The endpoint is away while events arrive: what it costs each event, and how sending begins again.

    python -m tests.chaos.outage                       200,000 events of 5,000 users, down for 60 s
    python -m tests.chaos.outage --live 100            … with events that arrive all the while
    python -m tests.chaos.outage --live 100 --imported 20000   … and an import beside the drain

It prints a table (``--json``: a document) and exits with 1 when a figure is beyond its limit. The short form is in
`test_outage`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.imports import import_beside
from tests.chaos.measures import (
    Arrival,
    Watcher,
    arrivals,
    attempts_of,
    caught_up,
    most_in_a_second,
    percentiles,
)
from tests.chaos.processes import until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from tests.chaos.oracle import Verdict

#: First serials of the events that arrive all the while, of rows imported beside the drain, and of rows imported after
#: it.
LIVE, IMPORTED, AFTER = 10_000_000, 20_000_000, 30_000_000
#: Seconds for which live events are watched with nothing beside them.
QUIET_S = 10.0
#: Part of what leaves that an import may take while only live events wait beside it: lists are taken 5 (returning), 4
#: (ready) and 1 (bulk) times of 10.
BULK_SHARE = 1 / 5
#: Factor of the ceiling that may arrive in one second: a twentieth can be saved up, and what was handed out evenly
#: comes in bunches on a busy machine.
BUNCHED = 1.2


@dataclass(frozen=True)
class Plan:
    """What to do.

    Args:
        events: How many are tracked.
        users: Of how many users.
        rate: Events a second that are tracked; 0 as fast as it goes, one by one.
        batch: How many are tracked in one call.
        live: Events a second that arrive beside them all the while.
        imported: Rows imported beside the drain, and as many when nothing waits any more.
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
    rate: float = 3_500.0
    batch: int = 100
    live: float = 0.0
    imported: int = 0
    outage_s: float = 60.0
    before: int = 500
    workers: int = 2
    ceiling: float = 600.0
    probe_s: float = 1.0
    probe_max_s: float = 8.0
    fault: dict[str, Any] = field(default_factory=lambda: {"status": 503})
    pool: str = "threads"


@dataclass
class Outcome:
    """What became of it.

    Args:
        plan: What was done.
        verdict: The judge's word.
        opened_after_s: Seconds from the first failure until the breaker was seen open.
        attempts_until_open: Attempts that failed until then.
        failed: Attempts that failed in all.
        attempts: Number of events by how many attempts they took.
        back_s: Seconds from the endpoint's return to the first event accepted.
        burst: Most events that arrived within one second after the return.
        waiting: Events that waited when the endpoint returned.
        drained_s: Seconds from the first event accepted until nothing waited.
        estimates: At 25, 50 and 75% of them: the part, the estimate, and the seconds that it still took.
        memory_mb: Peak resident size of each worker before, during and after the outage.
        imported_share: Part of what left that was imported, while live events waited too.
        imported_lost: Rows that never arrived.
        latencies_ms: Median and 99th percentile of live events: with nothing beside them, and beside an import.
        reasons: What status said under ``sending``.
        books: Whether they balance at the end.
    """

    plan: Plan
    verdict: Verdict
    opened_after_s: float
    attempts_until_open: int
    failed: int
    attempts: dict[int, int]
    back_s: float
    burst: int
    waiting: int
    drained_s: float
    estimates: list[tuple[float, float | None, float]]
    memory_mb: list[dict[str, float]]
    imported_share: float
    imported_lost: int
    latencies_ms: dict[str, tuple[float, float]]
    reasons: list[str]
    books: bool

    @property
    def growth_mb(self) -> float:
        """How much higher the peak of a worker was during or after the outage than before, at most."""
        before, *later = self.memory_mb
        return max(peaks[name] - before[name] for peaks in later for name in before)

    def rows(self) -> list[tuple[str, str, str, bool]]:
        """Give a line for each figure: what, how much, its limit, and whether it keeps to it."""
        verdict, plan = self.verdict, self.plan
        at_once = "; ".join(f"{name}: {p50:.0f} / {p99:.0f} ms" for name, (p50, p99) in self.latencies_ms.items())
        return [
            ("accepted", f"{verdict.accepted:,}", "", True),
            ("lost", f"{len(verdict.lost) + self.imported_lost}", "0", not (verdict.lost or self.imported_lost)),
            ("dead", f"{verdict.dead}", "0", not verdict.dead),
            ("out of order in a lane", f"{verdict.out_of_order}", "0", not verdict.out_of_order),
            ("books", "balance" if self.books else "DO NOT BALANCE", "balance", self.books and not verdict.findings),
            ("most attempts of an event", f"{max(self.attempts)}", "5", max(self.attempts) <= 5),
            ("events by attempts", f"{self.attempts}", "", True),
            ("breaker open after", f"{self.opened_after_s:.1f} s, {self.attempts_until_open} attempts", "", True),
            ("attempts failed in all", f"{self.failed}", "", True),
            ("tried again after", f"{self.back_s:.1f} s", f"{plan.probe_max_s:g} s and a little", True),
            (
                "most in one second after the return",
                f"{self.burst}",
                f"{plan.ceiling * BUNCHED:.0f} (ceiling {plan.ceiling:g})",
                self.burst <= plan.ceiling * BUNCHED,
            ),
            ("waited at the return, drained in", f"{self.waiting:,}, {self.drained_s:.1f} s", "", True),
            *map(self._estimate, self.estimates),
            ("workers' peak memory above before", f"{self.growth_mb:.1f} MB", "15 MB", self.growth_mb <= 15),
            *(
                [("import's part while live events wait", f"{self.imported_share:.1%}", "20%", self._share_is_kept)]
                if plan.imported
                else []
            ),
            *([("live events, p50 / p99", at_once, "", True)] if at_once else []),
        ]

    @property
    def _share_is_kept(self) -> bool:
        return 0 < self.imported_share <= BULK_SHARE + 0.01

    @staticmethod
    def _estimate(row: tuple[float, float | None, float]) -> tuple[str, str, str, bool]:
        part, seconds, took = row
        name = f"estimate at {part:.0%} of the drain"
        if seconds is None:
            return name, f"none, it took {took:.1f} s", "25%", False
        wrong = (seconds - took) / took
        return name, f"{seconds:.1f} s, it took {took:.1f} s ({wrong:+.0%})", "25%", abs(wrong) <= 0.25

    def failures(self) -> list[str]:
        """Say what is beyond its limit."""
        return [f"{name}: {figure}, at most {limit}" for name, figure, limit, kept in self.rows() if not kept]

    def document(self) -> dict[str, Any]:
        """Give the figures for ``--json``."""
        figures = {name: value for name, value in vars(self).items() if name not in ("plan", "verdict")}
        return {"plan": asdict(self.plan), **self.verdict.document(), **figures, "failures": self.failures()}


def outage(folder: Path, plan: Plan) -> Outcome:
    """Run it."""
    with Run(folder, pool=plan.pool) as run:
        return Outage(run, plan).go()


class Outage:
    """One run of a plan, step by step.

    Args:
        run: Fresh.
        plan: What to do.
    """

    def __init__(self, run: Run, plan: Plan) -> None:
        """Start the workers, and the events that arrive all the while."""
        self.run, self.plan = run, plan
        run.env |= {
            "LEADRELAY_MAX_RATE": str(plan.ceiling),
            "LEADRELAY_PROBE_S": str(plan.probe_s),
            "LEADRELAY_PROBE_MAX_S": str(plan.probe_max_s),
        }
        for _ in range(plan.workers):
            run.start_worker()
        self.live = run.produce_beside("live", LIVE, rate=plan.live) if plan.live else None
        self.watcher = Watcher(run)
        self.peaks: list[dict[str, float]] = []
        self.windows: dict[str, tuple[float, float]] = {}

    def go(self) -> Outcome:
        """Do it and judge."""
        self.watcher.start()
        self._before()
        opened_after, until_open = self._down()
        waiting, back_ms = self.run.books().backlog, time.time() * 1000
        begin, end, back_s = self._back()
        imports = self._quiet() if self.live else []
        self.run.drain(self.plan.events / 100 + 120)
        self.watcher.stop()
        self.peaks.append(self.watcher.take())
        verdict, books = self.run.verdict(), self.run.books().balanced
        for process in self.run.workers:
            process.stop()
        by_event, failed = attempts_of(self.run.folder)
        arrived = arrivals(self.run.folder / "arrived.sqlite")
        return Outcome(
            plan=self.plan,
            verdict=verdict,
            opened_after_s=opened_after,
            attempts_until_open=until_open,
            failed=failed,
            attempts=dict(sorted(Counter(by_event.values()).items())),
            back_s=back_s,
            burst=most_in_a_second([one.at_ms for one in arrived], back_ms),
            waiting=waiting,
            drained_s=end - begin,
            estimates=self.watcher.at_quarters(begin, end),
            memory_mb=self.peaks,
            imported_share=imported_share(arrived),
            imported_lost=sum(
                self._missing(arrived, first) for first in ([IMPORTED] * bool(self.plan.imported) + imports)
            ),
            latencies_ms={name: self._latencies(arrived, *window) for name, window in self.windows.items()},
            reasons=list(self.watcher.reasons),
            books=books,
        )

    def _before(self) -> None:
        """Let events flow, then let the many come."""
        if not self.live:
            self.run.produce(self.plan.before, users=self.plan.users, batch=self.plan.batch)
        until(lambda: self.run.books().delivered >= self.plan.before, "events flow")
        self.peaks.append(self.watcher.take())

    def _down(self) -> tuple[float, int]:
        """Let the endpoint fail while the many come; gives how long it took to open, and the attempts until then."""
        plan = self.plan
        self.run.faults(plan.fault)
        failing = time.monotonic()
        self.run.produce(plan.before + plan.events, users=plan.users, rate=plan.rate, batch=plan.batch)
        until(lambda: self.run.books().sending.state.startswith("breaker"), "the breaker opens", plan.outage_s)
        opened_after, until_open = time.monotonic() - failing, attempts_of(self.run.folder)[1]
        time.sleep(max(0.0, failing + plan.outage_s - time.monotonic()))
        self.peaks.append(self.watcher.take())
        return opened_after, until_open

    def _back(self) -> tuple[float, float, float]:
        """Let the endpoint be well; gives begin and end of the drain, and how long it took to be tried again."""
        self.run.faults()
        back, delivered = time.monotonic(), self.run.books().delivered
        until(
            lambda: self.run.books().delivered > delivered,
            "the endpoint is tried again",
            self.plan.probe_max_s * 4 + 10,
        )
        begin = time.monotonic()
        if self.plan.imported:
            self._import(IMPORTED)
        until(caught_up(self.run), "the backlog is gone", self.plan.events / 100 + 120)
        return begin, time.monotonic(), begin - back

    def _quiet(self) -> list[int]:
        """Watch live events with nothing beside them, then beside an import; gives the first serials imported."""
        if self.plan.imported:
            until(lambda: not self.run.books().lengths["bulk"], "the import is delivered", 600)
        self._window("alone", lambda: time.sleep(QUIET_S))
        if not self.plan.imported:
            return []
        self._window("beside an import", lambda: self._import(AFTER, wait=True))
        return [AFTER]

    def _window(self, name: str, act: Any) -> None:
        began = time.time() * 1000
        act()
        self.windows[name] = began, time.time() * 1000

    def _import(self, first: int, *, wait: bool = False) -> None:
        """Import rows; `wait` until none waits."""
        process = import_beside(self.run, self.plan.imported, first)
        if wait:
            until(lambda: not process.alive and not self.run.books().lengths["bulk"], "the import is delivered", 600)

    def _missing(self, arrived: list[Arrival], first: int) -> int:
        serials = {one.serial for one in arrived if first <= one.serial < first + self.plan.imported}
        return self.plan.imported - len(serials)

    @staticmethod
    def _latencies(arrived: list[Arrival], began_ms: float, ended_ms: float) -> tuple[float, float]:
        live = (one for one in arrived if LIVE <= one.serial < IMPORTED and began_ms <= one.tracked_ms < ended_ms)
        return percentiles([one.at_ms - one.tracked_ms for one in live])


def imported_share(arrived: list[Arrival]) -> float:
    """Give the part of rows among what arrived from the first row beside the drain to the last, or the drain's end."""
    rows = [number for number, one in enumerate(arrived) if IMPORTED <= one.serial < AFTER]
    tracked = [number for number, one in enumerate(arrived) if one.serial < LIVE]
    if not rows:
        return 0.0
    first, last = rows[0], min(rows[-1], tracked[-1])
    return sum(first <= number <= last for number in rows) / (last - first + 1)


def main() -> None:
    """Run it by arguments, print the figures, and fail when one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    plan = Plan()
    for name in ("events", "users", "batch", "before", "workers", "imported"):
        parser.add_argument(f"--{name}", type=int, default=getattr(plan, name))
    for name in ("rate", "live", "ceiling", "probe_s", "probe_max_s"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(plan, name))
    parser.add_argument("--outage", dest="outage_s", type=float, default=plan.outage_s, help="seconds")
    parser.add_argument("--fault", type=json.loads, default=plan.fault, help="a rule of the sandbox, as JSON")
    parser.add_argument("--pool", choices=["threads", "prefork"], default=plan.pool)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = vars(parser.parse_args())
    as_json = options.pop("as_json")
    with tempfile.TemporaryDirectory(prefix="outage-") as folder:
        outcome = outage(Path(folder), Plan(**options))
    if as_json:
        print(json.dumps(outcome.document(), indent=2))
    else:
        for name, figure, limit, kept in outcome.rows():
            print(f"{name:38} {figure}" + (f"   (at most {limit})" if limit else "") + ("" if kept else "   WRONG"))
    sys.exit(1 if outcome.failures() else 0)


if __name__ == "__main__":
    main()
