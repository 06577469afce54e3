"""How long the monitor's pages, their questions and `leadrelay status` take with many dead letters and a large backlog.

`python -m benchmarks.monitor --waiting 1000000 --dead 100000`. Each page is asked for, with what its script asks first,
several times; the slowest and the median of each are printed, in ms. Jobs (a trace, a search, a recount) are timed
whole.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadrelay.queue import DeadLetters

from benchmarks.backlog import Backlog, peak_mb
from tests.monitors import Monitor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Commands that answer at once.
COMMANDS = (("status",), ("status", "--json"))
_TIMES = 7


def questions(monitor: Monitor, seq: int) -> dict[str, Callable[[], Any]]:
    """Give each page, and what it asks for when it is opened, by name."""

    def get(path: str) -> Callable[[], Any]:
        return lambda: monitor.get(path)

    pages = ("delivery", "dead-letters", f"dead-letters/{seq}", "event", "event/x", "ledger")
    asked = (
        "delivery/state", "delivery/history", "dead-letters/replays", f"dead-letters/{seq}/content", "ledger/state",
        "ledger/audit",
    )  # fmt: skip
    nobody = {"filters": {"user": "nobody@example.com"}}
    return {
        **{path: get(path) for path in (*pages, *asked)},
        "dead-letters/list": lambda: monitor.post("dead-letters/list"),
        "dead-letters/list, nothing matches": lambda: monitor.post("dead-letters/list", nobody),
        "dead-letters/counts": lambda: monitor.post("dead-letters/counts"),
    }


def jobs(monitor: Monitor) -> dict[str, Callable[[], Any]]:
    """Give the jobs that read everything."""
    return {
        "trace of an unknown event": lambda: monitor.job(f"event/{'f' * 32}/trace"),
        "events of an unknown user": lambda: monitor.job("users/events", {"user": "nobody@example.com"}),
        "recount": lambda: monitor.job("ledger/verify"),
    }


def timed(ask: Callable[[], Any]) -> float:
    """Give the ms that it takes."""
    began = time.monotonic()
    ask()
    return (time.monotonic() - began) * 1000


def command(env: Mapping[str, str], *arguments: str) -> Callable[[], Any]:
    """Give a call that runs a command of leadrelay, as a person does."""
    words = [sys.executable, "-m", "leadrelay", *arguments]
    return lambda: subprocess.run(words, env={**os.environ, **env}, capture_output=True, check=True)


def counting(monitor: Monitor) -> None:
    """Count all dead letters, as the page does."""
    after = None
    while True:
        after = monitor.post("dead-letters/counts", {"after": after}).json()["rest"]
        if after is None:
            return


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--dead", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="monitor-") as folder:
        backlog = Backlog(Path(folder) / "backlog")
        try:
            backlog.fill(options.dead)
            backlog.move("dead", "expired", options.dead)
            backlog.fill(options.waiting)
            monitor = Monitor(Path(folder), backlog.env)
            seq = next(DeadLetters(backlog.queue).select()).message.seq
            commands = {" ".join(words): command(backlog.env, *words) for words in COMMANDS}
            for name, ask in (questions(monitor, seq) | commands).items():
                took = [timed(ask) for _ in range(_TIMES)]
                print(
                    json.dumps({name: {"median": round(statistics.median(took)), "most": round(max(took))}}), flush=True
                )
            print(json.dumps({"counting all dead letters": round(timed(lambda: counting(monitor)))}), flush=True)
            for name, ask in jobs(monitor).items():
                print(json.dumps({name: round(timed(ask))}), flush=True)
            print(json.dumps({"monitor's peak MB": round(peak_mb(monitor.process))}))
            monitor.stop()
        finally:
            backlog.endpoint.kill()
            backlog.broker.kill()


if __name__ == "__main__":
    main()
