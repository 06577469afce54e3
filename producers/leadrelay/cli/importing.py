"""Running an import, or a dry run of one, for the command line."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from leadrelay import broker
from leadrelay.cli.imported import UNDATED, old_lines, tell_checked, tell_imported
from leadrelay.cli.progress import Progress
from leadrelay.client import Client
from leadrelay.errors import NotAccepted
from leadrelay.home import ensure, locked
from leadrelay.imports.check import OLD, Ages, check
from leadrelay.imports.journal import Journal
from leadrelay.imports.record import ImportMistake
from leadrelay.imports.rejects import Rejects
from leadrelay.imports.runner import Imported, Importer, Watch
from leadrelay.imports.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from leadrelay.imports.formats import Format, Reading
    from leadrelay.imports.shape import Shape
    from leadrelay.settings import Settings

AGAIN = "run the same command again to go on: nothing is imported twice"


@dataclass(frozen=True)
class Job:
    """What the command was asked for.

    Args:
        file: Path, or ``-``.
        form: Its format.
        shape: How a record becomes an event.
        read: Reads a source in the format.
        old: Whether old lines are sent; None asks.
        rate: Most events a second.
        rejects: Where rejected lines are kept, None for the home.
        as_json: For machines.
    """

    file: str
    form: Format
    shape: Shape
    read: Callable[[Source], Reading]
    old: bool | None
    rate: float | None
    rejects: Path | None
    as_json: bool

    def ages(self) -> Ages:
        """Count old lines from zero."""
        return Ages(datetime.now(UTC) - OLD, refused=self.old is False)


def dry_run(job: Job, source: Source) -> int:
    """Show and count; gives the number of rejected lines.

    Raises:
        ImportMistake: The options do not fit the source.
    """
    found = job.read(source)
    job.shape.check(found.columns)
    rejects, ages, progress = Rejects(job.rejects, found.header), job.ages(), Progress(source.position, source.size)
    with closing(rejects):
        done = check(found.records, job.shape, rejects, ages, progress)
    progress.clear()
    tell_checked(done, rejects, ages, as_json=job.as_json)
    return rejects.count


def import_source(job: Job, source: Source, settings: Settings) -> int:
    """Import; gives the number of rejected lines.

    Raises:
        ImportMistake: The options do not fit the source.
        NotAccepted: The broker is away, or stayed away or full too long.
        OSError, sqlite3.Error: The home cannot be used.
    """
    if settings.mode != "live":
        raise ImportMistake(f"LEADRELAY_MODE is {settings.mode}, so nothing would be sent; use --dry-run, or unset it")
    found = job.read(source)
    job.shape.check(found.columns)
    home, label = ensure(settings.home), broker.label_of(settings)
    rejects = Rejects(job.rejects or home / _rejects_name(job.form), found.header)
    with locked(home / f"imports-{label}.lock", wait=False) as alone:
        if not alone:
            raise click.ClickException("another import from this home is running; wait until it has ended")
        client = Client(settings, broker.open_queue(settings))
        with closing(Journal(home / f"imports-{label}.sqlite")) as journal, closing(rejects):
            ages, progress = job.ages(), Progress(source.position, source.size)
            watch = _watch(job, source, progress)
            importer = Importer(client, journal, job.shape, rejects, ages, rate=job.rate, watch=watch)
            _run(importer, found, progress)
        if client.queue.witness:
            client.queue.witness.flush()
    if ages.count and not job.old and not _can_ask(source):
        click.echo(old_lines(ages), err=True)
    tell_imported(importer.done, rejects, ages, as_json=job.as_json)
    return rejects.count


def _run(importer: Importer, found: Reading, progress: Progress) -> None:
    """Run to the end, or say how to go on."""
    try:
        importer.run(found.records)
    except KeyboardInterrupt:
        progress.say(f"stopped; {_far(importer.done)}; {AGAIN}")
        raise click.exceptions.Exit(130) from None
    except NotAccepted:
        if importer.done.lines:
            progress.say(f"gave up; {_far(importer.done)}; {AGAIN}")
        raise
    progress.clear()


def _far(done: Imported) -> str:
    return f"{done.lines:,} lines were read, {done.imported:,} imported"


def _watch(job: Job, source: Source, progress: Progress) -> Watch:
    """Tell on standard error what happens meanwhile, each thing once."""
    waiting = ""

    def wait(reason: str) -> None:
        nonlocal waiting
        if reason != waiting:
            progress.say(f"waiting: {reason}" if reason else "going on")
            waiting = reason

    def old(number: int) -> None:
        if _can_ask(source):
            _ask(job, progress)
        else:
            progress.say(
                f"line {number} is older than a day: {UNDATED} (--old if that is meant, --no-old to reject such lines)"
            )

    return Watch(lambda done: progress(done.lines), (lambda _: None) if job.old else old, wait)


def _can_ask(source: Source) -> bool:
    """Whether old lines can be counted first, and somebody can answer."""
    return source.again and bool(sys.stdin) and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(job: Job, progress: Progress) -> None:
    """Count the old lines of the whole file, and ask."""
    again = Source(job.file)
    with closing(again):
        ages, counting = job.ages(), Progress(again.position, again.size)
        check(job.read(again).records, job.shape, Rejects(None), ages, counting)
        counting.clear()
    progress.say(old_lines(ages))
    if not click.confirm("Send them all the same?", err=True):
        click.echo("not imported; --no-old imports the other lines", err=True)
        raise click.exceptions.Exit(1)


def _rejects_name(form: Format) -> str:
    return f"rejected-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.getpid()}{form.endings[0]}"
