"""Sources: a file or standard input, gzip or plain by content, as lines of bounded length."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadrelay.imports.record import MOST_BYTES, ImportMistake, Line

if TYPE_CHECKING:
    from collections.abc import Iterator

_GZIP = b"\x1f\x8b"
_UNREAD = "what comes after was not read"
_BOM = b"\xef\xbb\xbf"
#: How other kinds of files begin, and what to do.
_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive (an Excel workbook is one too): unpack it, or save the sheet as CSV"),
    (b"\xff\xfe", "UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "UTF-16: save it as UTF-8"),
    (b"BZh", "compressed with bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", "compressed with xz: unpack it first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"),
)


class Source:
    """One source, read once from its beginning.

    Args:
        name: Path of a file, ``-`` for standard input.

    Raises:
        ImportMistake: It cannot be opened.
    """

    def __init__(self, name: str) -> None:
        """See the class."""
        if name == "-" and not sys.stdin:
            raise ImportMistake("standard input is closed")
        try:
            self._raw: Any = sys.stdin.buffer if name == "-" else Path(name).open("rb", buffering=0)  # noqa: SIM115 - `close`
        except OSError as error:
            raise ImportMistake(f"{name}: {error.strerror}") from None
        self.name = name
        self.again = name != "-" and stat.S_ISREG(os.fstat(self._raw.fileno()).st_mode)
        self.size = os.fstat(self._raw.fileno()).st_size if self.again else None
        self._buffered: Any = self._raw if name == "-" else io.BufferedReader(self._raw)

    def position(self) -> int:
        """Give how many bytes of the file (compressed or not) were read."""
        return int(self._raw.tell())

    def lines(self) -> Iterator[Line]:
        """Give all lines; a damaged end is a line with a fault.

        Raises:
            ImportMistake: It is a kind of file that is not read here.
        """
        number = 0
        try:
            handle = self._opened()
            while raw := handle.readline(MOST_BYTES + 1):
                number += 1
                raw = _begun(self.name, raw) if number == 1 else raw
                fault = _rest_of(handle) if len(raw) > MOST_BYTES and not raw.endswith(b"\n") else ""
                yield Line(number, raw[:MOST_BYTES] if fault else raw, fault)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            yield Line(number + 1, b"", f"the compressed data ends too early or is damaged; {_UNREAD}")
        except OSError as error:
            yield Line(number + 1, b"", f"cannot be read ({error.strerror}); {_UNREAD}")

    def close(self) -> None:
        """Close the file."""
        if self.name != "-":
            self._buffered.close()

    def _opened(self) -> Any:
        compressed = self._buffered.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
        return gzip.open(self._buffered) if compressed else self._buffered


def _begun(name: str, raw: bytes) -> bytes:
    """Look at the first line: refuse other kinds of files, take away a byte order mark."""
    for start, what in _OTHERS:
        if raw.startswith(start):
            raise ImportMistake(f"{'standard input' if name == '-' else name} is {what}")
    return raw.removeprefix(_BOM)


def _rest_of(handle: Any) -> str:
    """Read on to the end of a line that is too long, and say so."""
    while (rest := handle.readline(MOST_BYTES)) and not rest.endswith(b"\n"):
        pass
    return f"longer than {MOST_BYTES:,} bytes"
