"""`leadrelay import`."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, show
from leadrelay.client import Client
from leadrelay.home import ensure
from leadrelay.imports.combined import parse_combined
from leadrelay.imports.journal import Journal
from leadrelay.imports.jsonl import parse_jsonl
from leadrelay.imports.rejected import RejectedLine
from leadrelay.imports.runner import Imported, Importer
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Rejected lines that are listed for people; `--json` lists all.
_SHOWN = 20


@click.command("import")
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["combined", "jsonl"]), required=True)
@click.option("--anonymous", is_flag=True, help="The lines name nobody.")
@click.option("--uid-from", metavar="NAME", help="The property that holds the user id.")
@click.option("--si", help="Dataset id.  [default: LEADRELAY_DATASET_ID]")
@click.option("--base-url", default="", help="combined: put in front of paths for `lc`.")
@json_option
def import_(
    file: str, form: str, uid_from: str | None, si: str | None, base_url: str, *, anonymous: bool, as_json: bool
) -> None:
    """Import FILE (or - for standard input, gzip or plain): each line once, however often it is run."""
    if anonymous == bool(uid_from):
        raise click.UsageError("say whom the lines are about: --anonymous, or --uid-from NAME")
    settings = Settings.load()
    client = Client(settings, broker.open_queue(settings))
    parse: Callable[[str], Mapping[str, Any]] = (
        parse_jsonl if form == "jsonl" else lambda line: parse_combined(line, base_url)
    )
    journal = Journal(ensure(settings.home) / f"imports-{settings.namespace}.sqlite")

    def extra(named: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {"si": si} if si else {}
        if uid_from:
            if not named.get(uid_from):
                raise RejectedLine(f"{uid_from}: empty or missing, so it is not known whom the line is about")
            found["uid"] = named[uid_from]
        return found

    importer = Importer(
        client, parse, journal, extra, _progress, lambda reason: click.echo(f"waiting: {reason}", err=True)
    )
    with _opened(file) as lines:
        done = importer.run(lines)
    journal.close()
    if sys.stderr.isatty():
        click.echo("", err=True)
    if client.queue.witness:
        client.queue.witness.flush()
    _tell(done, as_json=as_json)
    raise click.exceptions.Exit(1 if done.rejected else 0)


def _opened(file: str) -> IO[bytes]:
    try:
        source: Any = sys.stdin.buffer if file == "-" else Path(file).open("rb")  # noqa: SIM115 - closed with what is opened over it
    except OSError as error:
        raise click.UsageError(f"{file}: {error.strerror}") from None
    buffered = io.BufferedReader(source) if not hasattr(source, "peek") else source
    opened: Any = gzip.open(buffered) if buffered.peek(2)[:2] == b"\x1f\x8b" else buffered  # noqa: SIM115
    return cast("IO[bytes]", opened)


def _progress(done: Imported) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done.lines:,} lines, {done.imported:,} imported", nl=False, err=True)


def _tell(done: Imported, *, as_json: bool) -> None:
    if as_json:
        rejected = [{"line": number, "reason": reason} for number, reason in done.rejected]
        show({"lines": done.lines, "imported": done.imported, "known": done.known, "rejected": rejected})
        return
    click.echo(
        f"{done.lines:,} lines: {done.imported:,} imported, {done.known:,} known already, "
        f"{len(done.rejected):,} rejected"
    )
    for number, reason in done.rejected[:_SHOWN]:
        click.echo(f"line {number}: {reason}")
    if len(done.rejected) > _SHOWN:
        click.echo(f"… and {len(done.rejected) - _SHOWN:,} more; --json lists all")
