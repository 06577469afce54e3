"""The journal: which records were imported already, so that importing again adds nothing.

Before a batch is sent it is noted; it is in doubt until the next one is noted, or the journal is closed. So a process
that is killed leaves at most one batch in doubt, the last one, and the queue knows whether it took it: it keeps the
digest of the last batch of each journal (`queue.Batch`).
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
#: Batches that wait to be sorted into the index: appending one writes a few pages, indexing it as many as it has ids.
_WAITING = 200

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS imported (eid BLOB PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS batches (number INTEGER PRIMARY KEY, digest TEXT, ids BLOB)",
    "CREATE TABLE IF NOT EXISTS journal (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT)",
    # How often this run met each record: on disk beyond a cache of 32 MB (a million records), gone with the process.
    "PRAGMA temp_store = FILE",
    "PRAGMA temp.cache_size = -32768",
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
        for statement in _SCHEMA:
            self._database.execute(statement)
        with self._database:
            self._database.execute("INSERT OR IGNORE INTO journal VALUES (1, ?)", (secrets.token_hex(8),))
        (self.name,) = self._database.execute("SELECT name FROM journal").fetchone()
        self._waiting, self._in_doubt = 0, True

    def known(self, record: str) -> bool:
        """Tell whether a record was imported by an earlier run."""
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
        """Note a batch before it is sent, the one before it having been accepted.

        Returns:
            The name under which the queue shall remember it.
        """
        ids = b"".join(map(bytes.fromhex, records))
        digest = hashlib.blake2b(ids, digest_size=_SIZE).hexdigest()
        with self._database:
            if self._waiting >= _WAITING:
                self._index()
            self._database.execute("INSERT INTO batches (digest, ids) VALUES (?, ?)", (digest, ids))
        self._waiting, self._in_doubt = self._waiting + 1, True
        return Batch(self.name, digest)

    def accepted(self) -> None:
        """Note that the batch was accepted: written with the next one, or by `close`."""
        self._in_doubt = False

    def settle(self, last_batch: str) -> None:
        """Settle the batch that a killed process left in doubt; before anything else.

        Args:
            last_batch: What the queue says it accepted last from this journal.
        """
        refused = "DELETE FROM batches WHERE digest != ? AND number = (SELECT max(number) FROM batches)"
        with self._database:
            self._database.execute(refused, (last_batch,))
            self._index()
        self._in_doubt = False

    def close(self) -> None:
        """Write what was accepted, and close the file; a batch that was not stays in doubt."""
        if not self._in_doubt:
            with self._database:
                self._index()
        self._database.close()

    def _index(self) -> None:
        """Sort the ids of all batches into the index."""
        rows = self._database.execute("SELECT ids FROM batches").fetchall()
        ids = sorted(ids[start : start + _SIZE] for (ids,) in rows for start in range(0, len(ids), _SIZE))
        self._database.executemany("INSERT OR IGNORE INTO imported VALUES (?)", [(one,) for one in ids])
        self._database.execute("DELETE FROM batches")
        self._waiting = 0
