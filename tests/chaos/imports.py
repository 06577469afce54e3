"""An import that is killed again and again: each of its records must reach the endpoint once."""

from __future__ import annotations

import contextlib
import csv
import gzip
import random
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from leadrelay.imports.combined import parse_combined
from leadrelay.imports.record import RejectedLine
from leadrelay.queue.verify import recount

from tests.chaos.oracle import read_events
from tests.chaos.processes import Process, until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class ImportVerdict:
    """What became of the records: `lost` never arrived, `doubled` arrived more often than they stand in the file."""

    records: int
    arrived: int
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    def failures(self) -> list[str]:
        """Say what must not be."""
        wrong = {"lost": self.lost, "came more often than they stand in the file": self.doubled}
        return [*(f"{len(those)} {what}" for what, those in wrong.items() if those), *self.findings]

    def document(self) -> dict[str, Any]:
        """Give the figures for ``--json``."""
        return asdict(self) | {"lost": len(self.lost), "doubled": len(self.doubled), "failures": self.failures()}

    def row(self) -> str:
        """Give the figures in one line."""
        return f"records {self.records} arrived {self.arrived} lost {len(self.lost)} doubled {len(self.doubled)}"


@dataclass(frozen=True)
class Input:
    """A file, the command's options for it, its exit code, and what is to arrive: records by what tells them apart."""

    path: Path
    options: tuple[str, ...]
    code: int
    expected: Counter[str]
    told_by: Callable[[dict[str, str]], str]


def table(path: Path, rows: int, first: int = 0) -> Input:
    """Write a CRM's export: quoted fields over several lines, two charsets, rows equal but for serials from `first`."""
    chance = random.Random(rows)
    notes = ["", "plain", 'two\nlines, "quoted"', "Zoë"]
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["serial", "E-mail", "Plan", "Note"])
        for serial in range(first, first + rows):
            writer.writerow([serial, f"user-{chance.randrange(500)}@example.com", "pro", chance.choice(notes)])
    options = ("--map", "E-mail=email", "--title", "crm_status_updated")
    return Input(path, options, 0, Counter(map(str, range(first, first + rows))), lambda params: params["serial"])


def import_beside(run: Run, rows: int, first: int) -> Process:
    """Start the import of a table with serials from `first`, and wait until its rows come; gives its process."""
    given = table(run.folder / f"rows-{first}.csv", rows, first)
    command = [sys.executable, "-m", "leadrelay", "import", str(given.path), *given.options]
    process = Process(f"import-{first}", command, run.folder, run.env)
    run.beside.append(process)
    until(lambda: run.books().lengths["bulk"] > 0 or not process.alive, "the import begins")
    return process


def log(path: Path) -> Input:
    """Take a real log in the combined format, gzip or plain."""
    raw = path.read_bytes()
    lines = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode().splitlines()
    expected: Counter[str] = Counter()
    for line in lines:
        with contextlib.suppress(RejectedLine):
            expected[_told_by_line(parse_combined(line))] += 1
    options = ("--format", "combined", "--anonymous")
    return Input(path, options, int(expected.total() < len(lines)), expected, _told_by_line)


def killed_table(folder: Path, rows: int, kills: int) -> ImportVerdict:
    """Kill the import of a table that is made for it."""
    return killed(folder, table(folder / "table.csv", rows), kills)


def killed_log(folder: Path, path: Path, kills: int) -> ImportVerdict:
    """Kill the import of a log."""
    return killed(folder, log(path), kills)


def killed(folder: Path, given: Input, kills: int, *options: Any) -> ImportVerdict:
    """SIGKILL the import at random moments, each time forgetting all eids, then let it end, and run it once more."""
    chance = random.Random(kills)
    records = given.expected.total()
    with Run(folder) as run:
        run.start_worker()

        def start() -> Process:
            command = [sys.executable, "-m", "leadrelay", "import", str(given.path), *given.options, *map(str, options)]
            return Process("import", command, folder, run.env)

        for number in range(kills):
            aim = records * (number + chance.random()) / (kills + 0.5)
            process = start()
            until(lambda aim=aim: run.books().accepted >= aim, "the import goes on")
            time.sleep(chance.random() * 0.05)
            assert process.alive, "the import ended before it could be killed"
            process.kill()
            run.broker.client.delete(run.queue.keys.name("recent"), run.queue.keys.name("recent_old"))
        codes = [start().child.wait(300) for _ in range(2)]
        run.drain(600)
        arrived = Counter(given.told_by(params) for _, params in read_events(folder / "arrived.sqlite"))
        verdict = ImportVerdict(records, arrived.total())
        verdict.lost = sorted((given.expected - arrived).elements())
        verdict.doubled = sorted((arrived - given.expected).elements())
        verdict.findings = recount(run.queue).findings
        if (accepted := run.books().accepted) != records:
            verdict.findings.append(f"{accepted} were accepted")
        if codes != [given.code] * 2:
            verdict.findings.append(f"exit codes {codes}")
        return verdict


def _told_by_line(params: dict[str, str]) -> str:
    return "\t".join(params.get(name, "") for name in ("ip", "host", "loggedAt", "ti", "status", "ref"))
