"""Rejected lines: counted by reason, and kept in a file from which they can be mended and imported again."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from leadrelay.imports.record import ImportMistake, note

if TYPE_CHECKING:
    from pathlib import Path

    from leadrelay.imports.record import Record

#: Rejected lines that are listed by number; the file has all.
LISTED = 1000
#: Different reasons that are counted; names of properties stand in them, so there may be many.
_REASONS = 100
#: Characters of a reason.
_LONGEST = 300


class Rejects:
    """The rejected lines of one import.

    Args:
        path: Where they are kept, with the lines' own bytes: made with the first of them. None keeps none.
        header: Lines that the file begins with.

    Raises:
        ImportMistake: The file exists already, or its folder does not.
    """

    def __init__(self, path: Path | None, header: bytes = b"") -> None:
        """See the class."""
        self.path, self._header = path, header
        self._file: int | None = None
        self.count = 0
        self.listed: list[tuple[int, str]] = []
        self.reasons: Counter[str] = Counter()
        if path and path.exists():
            raise ImportMistake(f"{path} exists already: name a new file for rejected lines")
        if path and not path.parent.is_dir():
            raise ImportMistake(f"{path.parent} is no folder: rejected lines could not be kept there")

    def add(self, record: Record, reason: str) -> None:
        """Take one; raises OSError when it cannot be written."""
        reason = "".join(character if character.isprintable() else " " for character in reason[:_LONGEST])
        self.count += 1
        if len(self.listed) < LISTED:
            self.listed.append((record.number, reason))
        counted = reason in self.reasons or len(self.reasons) < _REASONS
        self.reasons[reason if counted else "other reasons"] += 1
        if self.path:
            end = b"" if record.raw.endswith(b"\n") else b"\n"
            self._write(self.path, note(record.number, reason) + record.raw + end)

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            os.close(self._file)

    def _write(self, path: Path, raw: bytes) -> None:
        if self._file is None:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            raw = self._header + raw
        while raw:
            raw = raw[os.write(self._file, raw) :]
