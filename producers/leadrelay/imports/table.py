"""CSV: a header row, then one record a row; quoted fields may run over several lines."""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from leadrelay.imports.record import (
    ISO_8859_1,
    MOST_BYTES,
    UTF_8,
    ImportMistake,
    Line,
    Record,
    RejectedLine,
    is_note,
    rejected,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What may stand between fields, by preference where the header has as many of one as of the other.
DELIMITERS = ",;\t|"

_QUOTED = re.compile(r'"[^"]*"')
#: A cell that a spreadsheet would compute, or could not: =…, +f(…), -x|…, @f(…), #REF!
_FORMULA = re.compile(r"=|[+\-@][\w.+\-*/]*[(|!]|#(REF|N/A|NAME\?|VALUE!|DIV/0!|NULL!|NUM!)")
_OPEN = "a quoted field is not closed"
#: What the csv module says, and what people are told.
_FAULTS = (
    ("unexpected end of data", _OPEN),
    ("expected after", "text follows a closing quote"),
    ("field limit", f"a field is longer than {csv.field_size_limit():,} characters"),
)


@dataclass(slots=True)
class _Row:
    lines: list[Line]
    cells: list[str]
    charset: str = UTF_8
    fault: str = ""

    @property
    def raw(self) -> bytes:
        return b"".join(line.raw for line in self.lines)


class Table:
    """A CSV source.

    Args:
        lines: Its lines; the header is read at once.
        delimiter: Between fields; guessed from the header when not given.
        formulas: Whether cells that look like formulas are taken as they are.

    Raises:
        ImportMistake: There is no header that can be used.
    """

    def __init__(self, lines: Iterator[Line], delimiter: str | None = None, *, formulas: bool = False) -> None:
        """See the class."""
        first = next(lines, None)
        if first is None or not first.raw.strip():
            raise ImportMistake("no header row: the first line must name the columns")
        self._lines, self._again = lines, deque([first])
        self._formulas = formulas
        self._delimiter = delimiter or guess_delimiter(first.raw.decode(ISO_8859_1))
        row = self._row()
        if row is None or row.fault:
            raise ImportMistake(f"the header row cannot be read: {row.fault if row else 'it is empty'}")
        self.header = row.raw
        self.columns = tuple(name.strip() for name in row.cells)
        self._key = json.dumps(self.columns).encode()
        _refuse_repeats(self.columns)

    def records(self) -> Iterator[Record]:
        """Give the rows; blank lines, and notes on rejected lines, are passed over."""
        while row := self._row():
            if row.fault or (row.cells and not is_note(row.lines[0].raw)):
                yield self._record(row)

    def _record(self, row: _Row) -> Record:
        if not row.fault and len(row.cells) != len(self.columns):
            row.fault = f"{len(row.cells)} fields, where the header has {len(self.columns)}"
        if row.fault:
            return Record(row.lines[0].number, row.raw, row.raw, partial(rejected, row.fault))
        key = self._key + json.dumps(row.cells).encode()
        return Record(row.lines[0].number, row.raw, key, partial(self._read, row.cells), row.charset)

    def _read(self, cells: list[str]) -> dict[str, Any]:
        """Give the cells by column; an empty one is no value."""
        found = {name: cell or None for name, cell in zip(self.columns, cells, strict=True)}
        for name, cell in () if self._formulas else found.items():
            if cell and _FORMULA.match(cell):
                raise RejectedLine(f"{name}: looks like a formula; save values, or pass --formulas to send it so")
        return found

    def _row(self) -> _Row | None:
        """Read one row.

        A quote that is never closed would swallow what follows: then only its first line is at fault, and the next
        row begins behind that.
        """
        row = _Row([], [])
        try:
            row.cells = next(csv.reader(self._fed(row), delimiter=self._delimiter, strict=True))
        except StopIteration:
            return None
        except (csv.Error, RejectedLine) as error:
            row.fault = row.lines[0].fault or _explained(error, len(row.lines))
            self._again.extendleft(reversed(row.lines[1:]))
            del row.lines[1:]
        return row

    def _fed(self, row: _Row) -> Iterator[str]:
        """Hand the lines to the csv module, one by one as it needs them, and keep them with the row."""
        size = 0
        while line := self._again.popleft() if self._again else next(self._lines, None):
            row.lines.append(line)
            size += len(line.raw)
            if line.fault or size > MOST_BYTES:
                raise RejectedLine(_OPEN)
            if b"\0" in line.raw:
                raise RejectedLine("a NUL byte")
            text, charset = text_of(line.raw)
            row.charset = charset if charset != UTF_8 else row.charset
            yield text


def guess_delimiter(header: str) -> str:
    """Give the delimiter that stands most often in a header row, outside of quotes."""
    return max(DELIMITERS, key=_QUOTED.sub("", header).count)


def _explained(error: Exception, lines: int) -> str:
    if isinstance(error, RejectedLine):
        return str(error)
    if lines > 1:
        return _OPEN
    return next((told for found, told in _FAULTS if found in str(error)), "not a row of CSV")


def _refuse_repeats(columns: tuple[str, ...]) -> None:
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise ImportMistake(f"two columns are called {repeated[0]!r}: give them different names in the file")
