"""`make bench`: CPU per delivered event of worker and broker, beside plain Celery and a bare `requests` loop.

All three send the same events to the same endpoint, in turns within one run, each round on a fresh queue: machines
drift, so only the ratios of one run count. CPU is what the operating system charged the processes between the first
and the last event.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import requests
from leadrelay.broker import connect
from leadrelay.client import Client
from leadrelay.queue import Queue
from leadrelay.settings import Settings

from tests.chaos.processes import Broker, Process, sandbox, until, worker
from tests.monitors import Monitor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: Whose CPU is charged.
PROCESSES = ("worker", "broker", "monitor")
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """Give the CPU seconds of a process and of the children that it has reaped or still has."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(map(int, fields[11:15])) / _TICKS + sum(cpu_of(int(child)) for child in children)


def wire_of(number: int, users: int = 500) -> dict[str, str]:
    """Give an event of eight properties, as a small SaaS would track."""
    return {
        "ti": "invoice_paid",
        "si": "0123456789abcdef0123456789abcdef",
        "userId": f"user-{number % users}",
        "email": f"user-{number % users}@example.com",
        "plan": "premium",
        "amount": f"{number % 1000}.50",
        "proxy": "true",
        "note": f"{os.urandom(8).hex()}",
    }


class Bench:
    """One run: broker, endpoint and the figures of each contender."""

    def __init__(self, folder: Path, events: int) -> None:
        """Start the broker and the endpoint."""
        self.folder, self.events = folder, events
        self.broker = Broker(folder)
        self.endpoint, self.url = sandbox(folder)
        self.session = requests.Session()
        self.monitor: Monitor | None = None

    def delivered(self) -> int:
        """Ask the endpoint how many events it has."""
        return int(self.session.get(f"{self.url}/_sandbox/stats").json()["accepted"])

    def measure(self, start: Callable[[], Process | None], enqueue: Callable[[], None]) -> dict[str, float]:
        """Enqueue, start a worker, and charge what it uses from the first tenth of the events to the last."""
        self.broker.client.flushall()
        self.session.delete(f"{self.url}/_sandbox/events")
        enqueue()
        began = time.monotonic()
        process = start()
        assert process is not None
        first = self.events // 10
        until(lambda: self.delivered() >= first, "the first tenth", 120)
        charged = {"worker": process.pid, "broker": self.broker.process.pid}
        if self.monitor:
            charged["monitor"] = self.monitor.process.pid
        at, cpu = time.monotonic(), {name: cpu_of(pid) for name, pid in charged.items()}
        got = self.delivered()
        until(lambda: self.delivered() >= self.events, "all events", 600)
        number = self.events - got
        figures = {name: (cpu_of(pid) - cpu[name]) / number * 1e6 for name, pid in charged.items()}
        figures |= {"events_s": number / (time.monotonic() - at), "start_s": at - began}
        process.kill()
        return figures

    @property
    def env(self) -> dict[str, str]:
        """The settings of a worker of ours."""
        return {
            "LEADRELAY_BROKER_URL": self.broker.url,
            "LEADRELAY_DESTINATION_URL": self.url,
            "LEADRELAY_HOME": str(self.folder / "home"),
        }

    def leadrelay(self) -> dict[str, float]:
        """Measure ours: lanes, ledger, log lines and task events on."""

        def enqueue() -> None:
            client = Client(Settings.load(self.env), Queue(connect(self.broker.url, 10)))
            client.track([client.make(w.pop("ti"), w) for w in map(wire_of, range(self.events))], budget_s=10)

        return self.measure(lambda: worker(self.folder, self.env, "ours"), enqueue)

    def watched(self) -> dict[str, float]:
        """Measure ours while the monitor takes every task event and one delivery page is open."""
        monitor, closed = Monitor(self.folder, self.env), Event()

        def look() -> None:
            while not closed.wait(1):
                monitor.get("delivery/state")

        self.monitor, page = monitor, Thread(target=look)
        page.start()
        try:
            return self.leadrelay()
        finally:
            closed.set()
            page.join()
            self.monitor = None
            monitor.stop()

    def plain(self) -> dict[str, float]:
        """Measure plain Celery with as many threads."""
        env = {"PLAIN_BROKER_URL": self.broker.url, "PLAIN_DESTINATION_URL": self.url, "C_FORCE_ROOT": "1"}
        os.environ.update(env)
        from benchmarks.plain_celery import app, plain_track  # noqa: PLC0415 - reads the environment

        app.conf.broker_url = self.broker.url

        def enqueue() -> None:
            with app.producer_or_acquire() as producer:
                for number in range(self.events):
                    plain_track.apply_async((wire_of(number),), producer=producer)

        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "benchmarks.plain_celery",
            "worker",
            "-P",
            "threads",
            "-c",
            "32",
        ]
        root = str(Path(__file__).parent.parent)
        options = ["--loglevel=INFO", "--without-mingle", "--without-gossip", "-E"]
        return self.measure(
            lambda: Process("plain", [*command, *options], self.folder, {**env, "PYTHONPATH": root}), enqueue
        )

    def bare(self) -> dict[str, float]:
        """Measure a loop over `requests.Session().post` with its default settings, in this process."""
        session = requests.Session()
        number = max(1, self.events // 5)
        wires = [wire_of(i) for i in range(number)]
        at, cpu = time.monotonic(), time.process_time()
        for wire in wires:
            session.post(self.url, data=wire).raise_for_status()
        used, took = time.process_time() - cpu, time.monotonic() - at
        return {"worker": used / number * 1e6, "broker": 0.0, "events_s": number / took, "start_s": 0.0}


def run(events: int, rounds: int, contenders: Sequence[str]) -> dict[str, dict[str, float]]:
    """Run contenders in turns; gives the medians of their figures."""
    results: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Bench(Path(folder), events)
        try:
            for number in range(rounds):
                for name in contenders:
                    results[name].append(getattr(bench, name)())
                    print(f"round {number + 1}/{rounds} {name}", file=sys.stderr, flush=True)
        finally:
            bench.endpoint.kill()
            bench.broker.kill()
    return {
        name: {figure: statistics.median(row[figure] for row in rows) for figure in rows[0]}
        for name, rows in results.items()
    }


def ratios(median: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Give what ours costs, all its processes together, as a part of each other contender."""
    total = {name: sum(row.get(process, 0.0) for process in PROCESSES) for name, row in median.items()}
    return {name: total["leadrelay"] / cost for name, cost in total.items() if name != "leadrelay"}


def main() -> None:
    """Run and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--watched", action="store_true", help="ours with the monitor beside it and without, alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    others = ("watched",) if options.watched else ("plain", "bare")
    median = run(options.events, options.rounds, ("leadrelay", *others))
    if options.json:
        print(json.dumps({"median": median, "ours_to": ratios(median)}))
        return
    print("| CPU per delivered event, µs | worker | broker | monitor | events/s |\n|---|---|---|---|---|")
    for name, row in median.items():
        costs = " | ".join(f"{row[process]:.0f}" if process in row else "" for process in PROCESSES)
        print(f"| {name} | {costs} | {row['events_s']:.0f} |")
    for name, ratio in ratios(median).items():
        print(f"leadrelay is {ratio:.2f} of {name}")


if __name__ == "__main__":
    main()
