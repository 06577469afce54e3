"""Tables that fit the terminal: aligned when they can be, one block per row when they cannot. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Characters below which a column that may be cut is not cut any more.
_LEAST = 10
_GAP = "  "


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, cut: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of a table.

    Args:
        headings: Names of the columns; the first column names the row. A column that is empty in every row is left out.
        rows: Texts, as many as headings.
        width: Characters of a line.
        cut: Columns that may lose their end.
    """
    used = [number for number in range(len(headings)) if number == 0 or any(row[number] for row in rows)]
    headings = [headings[number] for number in used]
    rows = [[row[number] for number in used] for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for name in sorted((name for name in cut if name in headings), key=lambda name: -widths[headings.index(name)]):
        column = headings.index(name)
        least = min(widths[column], max(_LEAST, widths[column] - max(0, excess)))
        excess -= widths[column] - least
        widths[column] = least
    if excess > 0:
        for row in rows:
            yield from _block(headings, row, width)
        return
    for row in (headings, *rows):
        yield _GAP.join(_fitted(text, size) for text, size in zip(row, widths, strict=True)).rstrip()


def _fitted(text: str, size: int) -> str:
    return text.ljust(size) if len(text) <= size else f"{text[: size - 1]}…"


def _block(headings: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    """Yield a row as its name and below it as many of its other columns on a line as fit."""
    yield row[0]
    line = ""
    for heading, text in zip(headings[1:], row[1:], strict=True):
        if not text:
            continue
        part = f"{_GAP}{heading} {text}"
        if line and len(line) + len(part) > width:
            yield line
            line = ""
        line += part
    yield line
