"""The SQLite file: opened, checked and locked."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from importlib import resources
from typing import IO, TYPE_CHECKING

from leadrelay.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

#: Memory for pages of the database.
_CACHE_KB = 16_000
#: In the file's header: it is a sandbox's, and of this layout.
_APPLICATION_ID = 0x1EADB0C5
_VERSION = 1


def open_database(path: Path | None) -> sqlite3.Connection:
    """Open a store's file, making it if there is none; without a path a temporary one.

    Raises:
        ConfigurationError: It is no store, of another layout, or cannot be written.
    """
    try:
        if path:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # profiles are nobody else's
        database = sqlite3.connect(path or "", isolation_level=None)
        mine = _prepare(database, "WAL" if path else "MEMORY")
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(f"--store {path}: {error}; name a file of the sandbox, or a new one") from None
    if not mine:
        database.close()
        raise ConfigurationError(f"--store {path}: not a store of this sandbox; name another file")
    return database


def lock(path: Path) -> IO[bytes]:
    """Keep other sandboxes off a file for as long as the result is open; the lock goes with the process.

    Raises:
        ConfigurationError: One uses it, or the folder cannot be written.
    """
    try:
        held = path.with_name(f"{path.name}.lock").open("ab")
    except OSError as error:
        raise ConfigurationError(f"--store {path}: cannot write there ({error.strerror})") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise ConfigurationError(f"--store {path}: another sandbox uses it; name another file") from None
    return held


def _prepare(database: sqlite3.Connection, journal: str) -> bool:
    """Set what holds per connection and make the tables; tells whether the file is ours."""
    empty = not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if empty:
        schema = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
        stamps = f"PRAGMA application_id = {_APPLICATION_ID}; PRAGMA user_version = {_VERSION};"
        database.executescript(f"BEGIN; {schema} {stamps} COMMIT;")
    stamped = [database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    if stamped != [_APPLICATION_ID, _VERSION]:
        return False
    for setting in (f"journal_mode = {journal}", "synchronous = OFF", f"cache_size = -{_CACHE_KB}"):
        database.execute(f"PRAGMA {setting}")
    return True
