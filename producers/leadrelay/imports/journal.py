"""The journal: which records were imported already, so that importing again adds nothing.

Before a batch is sent it is noted as in doubt; the note goes when the next one is made, together with the ids of the
batch that was accepted meanwhile. A process that is killed leaves at most one batch in doubt, and the queue knows
whether it took it: it keeps the digest of the last batch of each journal (`queue.Batch`).
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from typing import TYPE_CHECKING

from leadrelay.queue.core import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Bytes of an id.
_SIZE = 16

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS imported (eid BLOB PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS doubt (one INTEGER PRIMARY KEY CHECK (one = 1), digest TEXT, ids BLOB)",
    "CREATE TABLE IF NOT EXISTS journal (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT)",
    # How often this run met each record; on disk beyond SQLite's cache, and gone with the process.
    "CREATE TEMP TABLE met (digest BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID",
)


class Journal:
    """One journal, used by one process at a time.

    Args:
        path: Its file, made when it is missing.

    Raises:
        sqlite3.Error: It cannot be opened, or is no journal (all methods raise it when the disk is full).
    """

    def __init__(self, path: Path) -> None:
        """See the class."""
        path.touch(0o600)
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")  # noted before it is sent, at a power cut too
        self._database.execute("PRAGMA temp_store=FILE")
        with self._database:
            for statement in _SCHEMA:
                self._database.execute(statement)
            self._database.execute("INSERT OR IGNORE INTO journal VALUES (1, ?)", (secrets.token_hex(8),))
        (self.name,) = self._database.execute("SELECT name FROM journal").fetchone()
        self._accepted: list[bytes] = []

    def known(self, record: str) -> bool:
        """Tell whether a record was imported."""
        found = self._database.execute("SELECT 1 FROM imported WHERE eid = ?", (bytes.fromhex(record),)).fetchone()
        return found is not None

    def met(self, key: bytes) -> int:
        """Count a record of this run; gives how often it came until now, itself included."""
        digest = hashlib.blake2b(key, digest_size=_SIZE).digest()
        row = self._database.execute("SELECT times FROM met WHERE digest = ?", (digest,)).fetchone()
        times: int = row[0] + 1 if row else 1
        self._database.execute("INSERT OR REPLACE INTO met VALUES (?, ?)", (digest, times))
        return times

    def begin(self, records: Sequence[str]) -> Batch:
        """Note a batch as in doubt before it is sent; gives the name under which the queue shall remember it."""
        ids = b"".join(map(bytes.fromhex, records))
        digest = hashlib.blake2b(ids, digest_size=_SIZE).hexdigest()
        with self._database:
            self._write_accepted()
            self._database.execute("INSERT OR REPLACE INTO doubt VALUES (1, ?, ?)", (digest, ids))
        return Batch(self.name, digest)

    def accepted(self, records: Sequence[str]) -> None:
        """Note that the batch was accepted: written with the next one, or by `close`."""
        self._accepted = [bytes.fromhex(record) for record in records]

    def settle(self, last_batch: str) -> None:
        """Settle the batch that a killed process left in doubt.

        Args:
            last_batch: What the queue says it accepted last from this journal.
        """
        row = self._database.execute("SELECT digest, ids FROM doubt").fetchone()
        if row and row[0] == last_batch:
            self._accepted = [row[1][start : start + _SIZE] for start in range(0, len(row[1]), _SIZE)]
        with self._database:
            self._write_accepted()
            self._database.execute("DELETE FROM doubt")

    def close(self) -> None:
        """Write what was accepted, and close the file; a batch that was not stays in doubt."""
        if self._accepted:
            with self._database:
                self._write_accepted()
                self._database.execute("DELETE FROM doubt")
        self._database.close()

    def _write_accepted(self) -> None:
        self._database.executemany("INSERT OR IGNORE INTO imported VALUES (?)", [(one,) for one in self._accepted])
        self._accepted = []
