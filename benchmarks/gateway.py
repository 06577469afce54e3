"""The gateway's cost: requests a second on one core, through to the queue, beside one call to the queue a request.

`python -m benchmarks.gateway`. The gateway has one core; this client and the broker share another. The same forms of
eight fields go to both, in turns within one run, over a few connections that stay open: machines drift, so the ratio
counts. Every answered id is looked for in the queue at the end of a round.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from leadrelay.queue import Queue
from leadrelay.queue.books import read_books

from benchmarks.cost import cpu_of
from benchmarks.sandbox import asked_for, drive, forms
from tests.chaos.processes import Broker, Process, free_port, gateway, until

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def plain(folder: Path, env: Mapping[str, str]) -> tuple[Process, str]:
    """Start the plain handler; gives it and its URL."""
    port = free_port()
    root = str(Path(__file__).parent.parent)
    command = [sys.executable, "-m", "benchmarks.plain_gateway", str(port)]
    process = Process("plain", command, folder, {**env, "PYTHONPATH": root})
    url = f"http://127.0.0.1:{port}"
    until(lambda: _listens(url), "the plain handler listens")
    return process, url


def _listens(url: str) -> bool:
    try:
        return drive(url, forms(1, 1, proxy=True), 1) == 1
    except OSError:
        return False


def measure(process: Process, url: str, broker: Broker, options: argparse.Namespace) -> dict[str, float]:
    """Load a gateway, and give its rate, and what it and the broker cost a request."""
    warm = drive(url, forms(options.connections * 4, options.users, proxy=True), options.connections)
    wanted = list(forms(options.requests, options.users, proxy=True))
    queue = Queue(broker.client)
    before, cpu, broker_cpu = read_books(queue).accepted, cpu_of(process.pid), cpu_of(broker.process.pid)
    began = time.monotonic()
    answered = drive(url, iter(wanted), options.connections)
    took, used = time.monotonic() - began, cpu_of(process.pid) - cpu
    assert read_books(queue).accepted - before == answered == options.requests, "an answered event is not in the queue"
    assert warm
    return {
        "requests_s": answered / took,
        "cpu_us": used / answered * 1e6,
        "broker_us": (cpu_of(broker.process.pid) - broker_cpu) / answered * 1e6,
        "core_share": used / took,
    }


def main() -> None:
    """Measure both in turns."""
    options = asked_for(__doc__, connections=64)
    cores = sorted(os.sched_getaffinity(0))
    rounds = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ExitStack() as stack:
        folder = Path(name)
        os.sched_setaffinity(0, {cores[-1]})
        broker = Broker(folder)
        stack.callback(broker.kill)
        env = {
            "LEADRELAY_BROKER_URL": broker.url,
            "LEADRELAY_DATASET_ID": "0123456789abcdef0123456789abcdef",
            "LEADRELAY_HOME": str(folder / "home"),
        }
        os.sched_setaffinity(0, {cores[0]})
        started = {}
        for contender, start in (("gateway", gateway), ("plain", plain)):
            started[contender] = start(folder, env)
            stack.callback(started[contender][0].kill)
        os.sched_setaffinity(0, {cores[-1]})
        for _ in range(options.rounds):
            for contender, (process, url) in started.items():
                broker.client.flushall()
                figures = measure(process, url, broker, options)
                rounds.append({"of": contender, **{name: round(value, 2) for name, value in figures.items()}})
                if not options.json:
                    print(" ".join(f"{name} {value}" for name, value in rounds[-1].items()), flush=True)
    cost = {of: statistics.median(row["cpu_us"] for row in rounds if row["of"] == of) for of in started}
    ratio = round(cost["plain"] / cost["gateway"], 2)
    print(json.dumps({"rounds": rounds, "ratio": ratio}) if options.json else f"plain costs {ratio} times as much")


if __name__ == "__main__":
    main()
