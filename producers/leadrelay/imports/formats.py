"""The formats: what each reads, and which one a file name tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from leadrelay.imports.combined import NAMES, parse_combined
from leadrelay.imports.jsonl import parse_jsonl
from leadrelay.imports.record import UTF_8, Line, Record, RejectedLine, is_note, rejected, text_of
from leadrelay.imports.table import Table
from leadrelay.imports.urls import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Format:
    """One format.

    Args:
        name: As `--format` takes it.
        endings: Of file names that tell it, before `.gz`.
        proxy: What `proxy` its events have when neither they nor the command say: a CRM's rows are not the visitor's
            own requests (`trackapi.proxy.TABLE`). None: as the setting says.
        parse: One line to values by name, raising RejectedLine; None for CSV, where a record may have several lines.
        latin1: Whether lines that are not UTF-8 are read as ISO-8859-1.
        untitled: Whether events may have no title, as at the endpoint.
    """

    name: str
    endings: tuple[str, ...]
    proxy: str | None
    parse: Callable[[str], dict[str, Any]] | None
    latin1: bool = False
    untitled: bool = False


FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format("csv", (".csv", ".tsv"), "true", None, latin1=True),
        Format("jsonl", (".jsonl", ".ndjson"), "true", parse_jsonl),
        Format("combined", (".log",), None, parse_combined),
        Format("urls", (".urls",), None, parse_url, latin1=True, untitled=True),
    )
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A source as its format reads it.

    Args:
        records: In their order.
        columns: The names of all records; None where each has its own.
        header: The lines in front of the first record.
    """

    records: Iterator[Record]
    columns: tuple[str, ...] | None = None
    header: bytes = b""


def guess(name: str) -> str | None:
    """Give the format that a file name tells, or None."""
    plain = name.lower().removesuffix(".gz")
    return next((form.name for form in FORMATS.values() if plain.endswith(form.endings)), None)


def reading(
    form: Format, lines: Iterator[Line], *, delimiter: str | None = None, formulas: bool = False, base_url: str = ""
) -> Reading:
    """Read lines in a format.

    Args:
        form: Of them.
        lines: Of the source.
        delimiter: csv: between fields; guessed when not given.
        formulas: csv: take cells that look like formulas as they are.
        base_url: combined: put in front of paths to make `lc` a full URL.

    Raises:
        ImportMistake: As `Table`.
    """
    if form.parse is None:
        table = Table(lines, delimiter, formulas=formulas)
        return Reading(table.records(), table.columns, table.header)
    if form.parse is parse_combined:
        return Reading(line_records(lines, partial(parse_combined, base_url=base_url)), NAMES)
    return Reading(line_records(lines, form.parse, latin1=form.latin1))


def line_records(
    lines: Iterable[Line], parse: Callable[[str], dict[str, Any]], *, latin1: bool = False
) -> Iterator[Record]:
    """Give one record a line; blank lines, and notes on rejected lines, are passed over."""
    for line in lines:
        key = line.raw.rstrip(b"\r\n")
        if line.fault or (key.strip() and not is_note(key)):
            try:
                text, charset = _text(line, key, latin1=latin1)
            except RejectedLine as error:
                yield Record(line.number, line.raw, key, partial(rejected, str(error)))
            else:
                yield Record(line.number, line.raw, key, partial(parse, text), charset)


def _text(line: Line, key: bytes, *, latin1: bool) -> tuple[str, str]:
    if line.fault:
        raise RejectedLine(line.fault)
    if b"\0" in key:
        raise RejectedLine("a NUL byte")
    if latin1:
        return text_of(key)
    try:
        return key.decode(), UTF_8
    except UnicodeDecodeError:
        raise RejectedLine("not UTF-8") from None
