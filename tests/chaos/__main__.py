"""`make chaos`: the long form, by hand; prints a table and fails when an accepted event was lost."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from leadrelay.failpoints import NAMES

from tests.chaos import imports, plain
from tests.chaos.outage import Plan, outage
from tests.chaos.run import at_failpoint, broker_restarts, full_broker, random_kills, stopped_past_lease

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.imports import ImportVerdict
    from tests.chaos.oracle import Verdict


def main() -> None:
    """Run the scenarios one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000, help="of the table that is imported under 5 kills")
    parser.add_argument("--log", type=Path, help="a combined log that is imported under 5 kills")
    parser.add_argument("--only", help="run scenarios whose name contains this")
    options = parser.parse_args()
    scenarios: dict[str, Callable[[Path], Verdict | ImportVerdict]] = {
        **{f"killed at {name}": lambda folder, name=name: at_failpoint(folder, name) for name in NAMES},
        f"{options.kills} kills, threads": lambda folder: random_kills(folder, options.kills, options.events)[1],
        f"{options.kills} kills, prefork": lambda folder: random_kills(
            folder, options.kills, options.events, "prefork"
        )[1],
        "5 stops past the lease": lambda folder: stopped_past_lease(folder, 5)[1],
        f"{options.restarts} broker restarts, fsync always": lambda folder: broker_restarts(
            folder, options.restarts, 10_000
        )[1],
        f"{options.restarts} broker restarts, fsync everysec": lambda folder: broker_restarts(
            folder, options.restarts, 10_000, fsync="everysec"
        )[1],
        "full broker": lambda folder: full_broker(folder)[1],
        "5 kills of an import, a table": lambda folder: imports.killed(
            folder, imports.table(folder / "table.csv", options.rows), 5
        ),
        "an outage of a minute": lambda folder: outage(folder, Plan(events=options.events)).verdict,
        f"plain Celery, {options.kills} kills": lambda folder: plain.random_kills(
            folder, options.kills, options.events // 4
        ),
    }
    if options.log:
        scenarios["5 kills of an import, a log"] = lambda folder: imports.killed(folder, imports.log(options.log), 5)
    lost = 0
    for name, scenario in scenarios.items():
        if options.only and options.only not in name:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            verdict = scenario(Path(folder))
        print(f"{name}: {verdict.row()} ({time.monotonic() - began:.0f} s) {verdict.findings or ''}", flush=True)
        lost += (
            0
            if name.startswith("plain")
            else len(verdict.lost) + len(getattr(verdict, "doubled", [])) + len(verdict.findings)
        )
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
