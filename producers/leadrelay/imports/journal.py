"""The journal: which lines were imported already, so that importing a file again adds nothing."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Journal:
    """Event ids of imported lines, in a file of the home.

    An id is written after the queue accepted it. A crash in between repeats it; the queue then knows the id from its
    window of recent ones.
    """

    def __init__(self, path: Path) -> None:
        """Open or make the file."""
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS imported (eid BLOB PRIMARY KEY) WITHOUT ROWID")

    def known(self, eid: str) -> bool:
        """Tell whether a line was imported."""
        found = self._database.execute("SELECT 1 FROM imported WHERE eid = ?", (bytes.fromhex(eid),)).fetchone()
        return found is not None

    def add(self, eids: Iterable[str]) -> None:
        """Note imported lines."""
        with self._database:
            self._database.executemany(
                "INSERT OR IGNORE INTO imported VALUES (?)", [(bytes.fromhex(eid),) for eid in eids]
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()
