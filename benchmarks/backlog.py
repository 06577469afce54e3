"""A large backlog: bytes per event, the worker's memory, and the rate of claiming, waiting and scheduled.

`python -m benchmarks.backlog --events 1000000`. Random ids and addresses: identical payloads would flatter the
broker's compression.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from leadrelay.broker import connect
from leadrelay.client import Client
from leadrelay.queue import Queue, Settlement, Valve
from leadrelay.settings import Settings

from benchmarks.cost import cpu_of, wire_of
from tests.chaos.processes import Broker, Process, sandbox, until, worker

if TYPE_CHECKING:
    from leadrelay.queue.core import Kind

#: Messages of one claim and settlements of one call, as a worker of 32 threads makes them.
_BATCH = 32


def peak_mb(process: Process) -> float:
    """Give a process's peak of resident memory."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


class Backlog:
    """A broker with a backlog."""

    def __init__(self, folder: Path) -> None:
        """Start broker and endpoint."""
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.broker = Broker(folder, "--list-compress-depth", "1")
        self.endpoint, self.url = sandbox(folder)
        self.queue = Queue(connect(self.broker.url, 30))
        self.env = {
            "LEADRELAY_BROKER_URL": self.broker.url,
            "LEADRELAY_DESTINATION_URL": self.url,
            "LEADRELAY_HOME": str(folder / "home"),
        }
        self.client = Client(Settings.load(self.env), self.queue)
        self.turns = 0

    def fill(self, events: int) -> None:
        """Enqueue events of random users."""
        for start in range(0, events, 1000):
            wires = (wire_of(int.from_bytes(os.urandom(6), "big"), 2**48) for _ in range(min(1000, events - start)))
            self.client.track([self.client.make(wire.pop("ti"), wire) for wire in wires], budget_s=30)
            if events > 1000 and start % 100_000 == 0:
                print(f"{start:,} of {events:,}", file=sys.stderr, flush=True)

    def move(self, kind: Kind, argument: str, limit: int) -> tuple[int, float]:
        """Claim and settle up to `limit` events; gives how many and the seconds it took."""
        settlements: list[Settlement] = []
        moved, began = 0, time.monotonic()
        while moved < limit:
            self.turns += 1
            _, claim = self.queue.turn("bench", f"t{self.turns}", settlements, _BATCH, 10**7, 0)
            settlements = [Settlement(claimed.token, kind, argument, "1:1:x:y:1") for claimed in claim.messages]
            if not settlements:
                break
            moved += len(settlements)
        self.turns += 1
        self.queue.settle("bench", f"t{self.turns}", settlements)
        return moved, time.monotonic() - began

    def worker_peak(self) -> tuple[float, float]:
        """Run a worker for some events of the backlog; gives its peak memory and then, paused, its idle CPU share."""
        process = worker(self.folder, self.env, "w")
        start = self.delivered()
        until(lambda: self.delivered() > start + 8000 or not self.ready(), "8,000 events are delivered", 60)
        Valve(self.queue).pause("bench")
        until(lambda: not self.in_flight(), "nothing is in flight")
        time.sleep(2)  # what is still to be told of the last events
        cpu = cpu_of(process.pid)
        time.sleep(10)
        idle = (cpu_of(process.pid) - cpu) / 10
        peak = peak_mb(process)
        process.stop()
        Valve(self.queue).resume("bench")
        return peak, idle

    def delivered(self) -> int:
        """Count delivered events."""
        return int(self.broker.client.hget(self.queue.keys.name("ledger"), "delivered") or 0)

    def ready(self) -> int:
        """Count ready events."""
        return int(self.broker.client.llen(self.queue.keys.name("ready")))

    def in_flight(self) -> int:
        """Count events in flight."""
        return int(self.broker.client.hlen(self.queue.keys.name("flight")))

    def settled(self) -> bool:
        """Tell whether the append-only file is written, and no longer rewritten by a process that shares the memory."""
        return not self.broker.client.info("persistence")["aof_rewrite_in_progress"]

    def used(self) -> int:
        """Give the broker's memory in bytes."""
        return int(self.broker.client.info("memory")["used_memory"])


def claim_rates(small: Backlog, large: Backlog, *, kept: bool) -> tuple[float, float]:
    """Give claims a second with a backlog of 1,000 and with the large one, measured in turns of 1,000 claims.

    Args:
        small: A broker that holds only what is claimed next.
        large: One with the backlog.
        kept: Claim the backlog itself; else events that come in beside it.
    """
    large.broker.client.config_set("auto-aof-rewrite-percentage", 0)
    until(large.settled, "the append-only file is rewritten", 300)
    took: dict[Backlog, list[float]] = {small: [], large: []}
    for _ in range(30):
        for bench in (small, large):
            if bench is small or not kept:
                bench.fill(1000)
            moved, seconds = bench.move("delivered", "", 1000)
            took[bench].append(seconds / moved)
    return 1 / median(took[small]), 1 / median(took[large])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="backlog-") as folder:
        small, bench = Backlog(Path(folder) / "small"), Backlog(Path(folder) / "large")
        try:
            bench.fill(10)
            figures["idle_peak_mb"], figures["idle_cpu"] = bench.worker_peak()
            empty = bench.used()
            bench.fill(options.events)
            figures["bytes_waiting"] = (bench.used() - empty) / options.events
            figures["claims_s_with_1000"], figures["claims_s_waiting"] = claim_rates(small, bench, kept=True)
            figures["waiting_peak_mb"], figures["waiting_paused_cpu"] = bench.worker_peak()
            bench.move("scheduled", "86400000", options.events * 2)
            scheduled = bench.broker.client.zcard(bench.queue.keys.name("scheduled"))
            held = bench.broker.client.zcard(bench.queue.keys.name("held"))
            figures["scheduled"], figures["held"] = scheduled, held
            figures["bytes_scheduled"] = (bench.used() - empty) / max(1, scheduled + held)
            figures["claims_s_with_1000_again"], figures["claims_s_scheduled"] = claim_rates(small, bench, kept=False)
            bench.fill(10_000)
            figures["scheduled_peak_mb"], _ = bench.worker_peak()
        finally:
            for started in (small.endpoint, small.broker, bench.endpoint, bench.broker):
                started.kill()
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
