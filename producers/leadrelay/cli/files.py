"""`leadrelay import`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from leadrelay.cli.common import json_option
from leadrelay.cli.importing import AGAIN, Job, dry_run, import_source
from leadrelay.imports.formats import FORMATS, guess, reading
from leadrelay.imports.record import ImportMistake
from leadrelay.imports.shape import Shape, pairs
from leadrelay.imports.source import Source
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable


def _delimiter(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    named = {"tab": "\t", "\\t": "\t"}.get(value or "", value)
    if named is not None and (len(named) != 1 or named in '"\r\n'):
        raise click.BadParameter("one character, or `tab`")
    return named


_OPTIONS = (
    click.option("--format", "form", type=click.Choice(list(FORMATS)), help="[default: by the file's name]"),
    click.option("--map", "renamed", multiple=True, metavar="COLUMN=NAME", help="Send a column as NAME; empty: not."),
    click.option("--set", "added", multiple=True, metavar="NAME=VALUE", help="Send this with every line."),
    click.option("--title", help="Title of every event."),
    click.option("--uid-from", metavar="NAME", help="The column that holds LeadBoxer's user id."),
    click.option("--anonymous", is_flag=True, help="The lines name nobody."),
    click.option("--si", help="Dataset id of every line.  [default: the line's, else LEADRELAY_DATASET_ID]"),
    click.option(
        "--proxy",
        type=click.Choice(["auto", "true", "false"]),
        help="Whether lines count as the visitor's own.  [default: true for csv and jsonl, else LEADRELAY_PROXY]",
    ),
    click.option("--delimiter", callback=_delimiter, help="csv: between fields.  [default: by the header]"),
    click.option("--formulas", is_flag=True, help="csv: send cells that look like formulas."),
    click.option("--base-url", default="", help="combined: put in front of paths for `lc`."),
    click.option("--rate", type=click.FloatRange(0, min_open=True), help="At most so many events a second."),
    click.option("--old/--no-old", default=None, help="Send lines older than a day / reject them, without asking."),
    click.option(
        "--rejects", type=click.Path(path_type=Path), help="Keep rejected lines here.  [default: in the home]"
    ),
    click.option(
        "--dry-run", "trial", is_flag=True, help="Show the first events and count; send nothing, need no broker."
    ),
)


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command("import")
@click.argument("file", metavar="FILE|-")
@_with_options
@json_option
def import_(file: str, *, trial: bool, **options: Any) -> None:
    """Import FILE, or - for standard input, gzip or plain: each line once, however often it is run.

    \b
    leadrelay import leads.csv --title crm_status_updated --map "E-mail=email"
    leadrelay import access.log.gz --anonymous
    """  # noqa: D301 - click's mark for lines that are not wrapped
    settings = Settings.load()
    try:
        job = _job(file, settings, **options)
        source = Source(file)
        with closing(source):
            rejected = dry_run(job, source) if trial else import_source(job, source, settings)
    except ImportMistake as error:
        raise click.UsageError(str(error)) from None
    except sqlite3.Error as error:
        raise click.ClickException(
            f"the journal in {settings.home} cannot be used ({error}); when it can, {AGAIN}"
        ) from None
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or file}: {error.strerror or error}; when that is mended, {AGAIN}"
        ) from None
    raise click.exceptions.Exit(1 if rejected else 0)


def _job(file: str, settings: Settings, form: str | None, proxy: str | None, **options: Any) -> Job:
    name = form or guess(file)
    if name is None and file != "-" and not Path(file).exists():
        raise ImportMistake(f"{file}: No such file or directory")
    if name is None:
        raise ImportMistake(f"the format cannot be told from this name: --format {'|'.join(FORMATS)}")
    shape = Shape(
        renamed=pairs("--map", options["renamed"]),
        added=pairs("--set", options["added"]),
        default_si=settings.dataset_id,
        untitled=FORMATS[name].untitled,
        proxy=proxy or FORMATS[name].proxy or settings.proxy,
        **{option: options[option] for option in ("si", "title", "uid_from", "anonymous")},
    )
    how = {option: options[option] for option in ("delimiter", "formulas", "base_url")}
    return Job(
        file=file,
        form=FORMATS[name],
        shape=shape,
        read=lambda source: reading(FORMATS[name], source.lines(), **how),
        **{option: options[option] for option in ("old", "rate", "rejects", "as_json")},
    )
