"""What an outage is measured by: memory, attempts, arrivals, latencies, and estimates against what came."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leadrelay.cli.status import look

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leadrelay.catchup import Estimate

    from tests.chaos.processes import Process
    from tests.chaos.run import Run

_ATTEMPT = re.compile(rb"event=attempt eid=(\w+) .*?outcome=(\w+)")
#: Seconds between looks.
_LOOK_S = 0.25


@dataclass(frozen=True)
class Arrival:
    """An event as the endpoint took it: when, in ms, under which serial, and when it was tracked by its eid."""

    at_ms: int
    serial: int
    tracked_ms: int


def resident_mb(process: Process) -> float:
    """Give the resident memory of a process, in MB; 0 when it is gone."""
    try:
        return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096 / 1e6
    except (OSError, IndexError):
        return 0.0


def attempts_of(folder: Path) -> tuple[Counter[str], int]:
    """Read the workers' logs: attempts by event, and how many attempts failed."""
    by_event: Counter[str] = Counter()
    failed = 0
    for log in folder.glob("w*.log"):
        for eid, outcome in _ATTEMPT.findall(log.read_bytes()):
            by_event[eid.decode()] += 1
            failed += outcome != b"accepted"
    return by_event, failed


def arrivals(store: Path) -> list[Arrival]:
    """Read what the endpoint took, in order."""
    query = "SELECT at_ms, json_extract(params, '$.serial'), eid FROM events ORDER BY idx"
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        return [Arrival(at_ms, int(serial), int(eid[:12], 16)) for at_ms, serial, eid in database.execute(query)]


def most_in_a_second(times: list[int], since_ms: float) -> int:
    """Give the most events within any one second after a moment."""
    times = [at for at in times if at >= since_ms]
    start, most = 0, 0
    for end, at in enumerate(times):
        while at - times[start] >= 1000:
            start += 1
        most = max(most, end - start + 1)
    return most


def percentiles(latencies: Sequence[float]) -> tuple[float, float]:
    """Give the median and the 99th percentile; 0 of none."""
    ordered = sorted(latencies) or [0.0]
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]


class Watcher(threading.Thread):
    """Looks at memory, at status and at its estimate while a run goes on."""

    def __init__(self, run: Run) -> None:
        """Watch `run` until `stop`."""
        super().__init__(daemon=True)
        self.watched = run
        self.stopping = threading.Event()
        self.peaks_mb: dict[str, float] = {}
        self.reasons: dict[str, None] = {}
        self.estimates: list[tuple[float, Estimate]] = []

    def run(self) -> None:
        """Look a few times a second."""
        while not self.stopping.wait(_LOOK_S):
            for process in self.watched.workers:
                self.peaks_mb[process.name] = max(self.peaks_mb.get(process.name, 0), resident_mb(process))
            books = self.watched.books()
            self.reasons[f"{books.sending.state}: {books.sending.reason}"] = None
            self.estimates.append((time.monotonic(), look(self.watched.queue).caught_up))

    def stop(self) -> None:
        """End it."""
        self.stopping.set()
        self.join()

    def take(self) -> dict[str, float]:
        """Give the peaks so far, in MB by worker, and begin anew."""
        peaks, self.peaks_mb = self.peaks_mb, {}
        return peaks

    def at_quarters(self, begin: float, end: float) -> list[tuple[float, float | None, float]]:
        """Give at 25, 50 and 75% of a drain: the part, the estimate, and the seconds that it still took."""
        found = []
        for part in (0.25, 0.5, 0.75):
            moment = begin + part * (end - begin)
            at, estimate = min(self.estimates, key=lambda one: abs(one[0] - moment))
            found.append((part, estimate.seconds, end - at))
        return found


def caught_up(run: Run) -> Callable[[], bool]:
    """Give whether nothing waits any more that could be sent."""
    return lambda: look(run.queue).caught_up.seconds == 0
