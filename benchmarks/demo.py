"""`make demo`: events through a failing endpoint and a killed worker, and the books at the end.

A home of its own in a temporary folder: nothing of yours is touched.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from leadrelay import broker, embedded
from leadrelay.client import Client
from leadrelay.queue.books import Books, read_books
from leadrelay.queue.verify import recount
from leadrelay.settings import Settings
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.chaos.processes import Process, sandbox, until, worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadrelay.queue import Queue

EVENTS = 10_000
#: Seconds of the endpoint's outage.
OUTAGE_S = 6.0
_TITLES = ("user_registered", "trial_started", "subscription_upgraded", "invoice_paid", "account_expanded")
_console = Console()


def events(number: int) -> Iterator[dict[str, Any]]:
    """Give the events of a small SaaS (page, section 6: milestones)."""
    for serial in range(number):
        user = serial * 7919 % 400
        yield {
            "ti": _TITLES[serial % len(_TITLES)],
            "userId": f"user-{user}",
            "email": f"user-{user}@example.com",
            "plan": ("free", "pro", "premium")[user % 3],
            "serial": serial,
        }


class Demo:
    """The processes of the demonstration, and what they show."""

    def __init__(self, folder: Path, source: str | None) -> None:
        """Start broker, sandbox and worker in `folder`."""
        self.folder, self.source = folder, source
        self.endpoint, self.url = sandbox(folder)
        self.env = {
            "LEADRELAY_HOME": str(folder / "home"),
            "LEADRELAY_DATASET_ID": "demo" * 8,
            "LEADRELAY_DESTINATION_URL": self.url,
            "LEADRELAY_TIMEOUT_MS": "2000",
        }
        self.settings = Settings.load(self.env)
        self.queue: Queue = broker.open_queue(self.settings)
        self.worker = self.start_worker()
        self.note = "tracking"

    def start_worker(self) -> Process:
        """Start a worker."""
        return worker(self.folder, self.env, "worker")

    def run(self) -> bool:
        """Track, break things, wait, and show the books; gives whether they are right."""
        feeder = threading.Thread(target=self.feed, daemon=True)
        feeder.start()
        with Live(self.picture(read_books(self.queue)), console=_console, refresh_per_second=4) as live:
            script = threading.Thread(target=self.misfortunes, daemon=True)
            script.start()
            while True:
                books = read_books(self.queue)
                live.update(self.picture(books))
                busy = books.backlog or books.in_flight or feeder.is_alive() or script.is_alive()
                if not busy:
                    break
                time.sleep(0.25)
        return self.show_books()

    def feed(self) -> None:
        """Track the generated events, or import the file, over about ten seconds."""
        if self.source:
            command = [sys.executable, "-m", "leadrelay", "import", self.source, "--anonymous", "--old", "--format"]
            form = "jsonl" if ".json" in self.source else "combined"
            subprocess.run([*command, form], env={**os.environ, **self.env}, check=False, stdout=subprocess.DEVNULL)
            return
        client = Client(self.settings, self.queue)
        made = [client.make(wire.pop("ti"), wire) for wire in events(EVENTS)]
        for start in range(0, len(made), 100):
            client.track(made[start : start + 100])
            time.sleep(0.1)

    def misfortunes(self) -> None:
        """Take the endpoint away for a while, and kill the worker in the middle of it."""
        until(lambda: read_books(self.queue).delivered > 500, "events flow", 60)
        self.note = f"the endpoint is down for {OUTAGE_S:.0f} s (503)"
        rules = {"rules": [{"status": 503, "for_s": OUTAGE_S}]}
        requests.put(f"{self.url}/_sandbox/faults", json=rules, timeout=5).raise_for_status()
        time.sleep(OUTAGE_S / 2)
        until(lambda: read_books(self.queue).in_flight, "events are in flight", 60)
        self.worker.signal(signal.SIGKILL)
        self.note = "the worker was killed (kill -9) with events in flight; another one starts"
        self.worker = self.start_worker()
        time.sleep(OUTAGE_S / 2)
        self.note = (
            "the endpoint is back; what failed comes back by its schedule, what was in flight by its lease (30 s)"
        )

    def picture(self, books: Books) -> Table:
        """Draw the queue."""
        table = Table(title=self.note, title_justify="left", width=min(100, _console.width))
        for heading in ("state", "events", ""):
            table.add_column(heading, justify="right" if heading == "events" else "left")
        total = max(1, books.accepted)
        for state in ("delivered", "ready", "in_flight", "scheduled", "held", "dead"):
            number = getattr(books, state)
            table.add_row(state.replace("_", " "), f"{number:,}", "█" * round(number / total * 50))
        table.add_row("accepted", f"{books.accepted:,}", "balanced" if books.balanced else "NOT balanced")
        return table

    def show_books(self) -> bool:
        """Compare what was accepted with what the endpoint has."""
        stats = requests.get(f"{self.url}/_sandbox/stats", timeout=5).json()
        result = recount(self.queue)
        books = result.books
        _console.print(
            f"accepted {books.accepted:,}, delivered {books.delivered:,}, dead {books.dead:,}; the endpoint has "
            f"{stats['unique_eids']:,} different events ({stats['duplicates']} came twice); "
            f" {books.retried:,} retries, {books.rescued} rescued"
        )
        good = books.balanced and not result.findings and stats["unique_eids"] == books.accepted - books.dead
        _console.print(
            "[green]The books balance: nothing was lost.[/]" if good else f"[red]Not balanced: {result.findings}[/]"
        )
        return good

    def close(self) -> None:
        """End the processes."""
        self.worker.kill()
        self.endpoint.kill()
        embedded.stop(self.settings.home)


def main() -> None:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", help="a combined log or JSON lines, gzip or plain, instead of generated events")
    options = parser.parse_args()
    source = str(Path(options.input).resolve()) if options.input else None
    if source and not Path(source).exists():
        parser.error(f"{options.input}: no such file")
    with tempfile.TemporaryDirectory(prefix="leadrelay-demo-") as folder:
        demo = Demo(Path(folder), source)
        try:
            good = demo.run()
        finally:
            demo.close()
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
