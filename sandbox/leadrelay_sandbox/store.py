"""What the sandbox remembers, in SQLite: one writer, this process; anybody may read the file meanwhile.

**Nothing is acknowledged that is not written.** What several requests change within one turn of the event loop is
committed together (`commits.py`), and only then answered. The log goes to the operating system with each commit (WAL)
but is not forced to the disk (`synchronous=OFF`): a killed sandbox loses nothing that it acknowledged; a power cut may.

**Memory is bounded.** Rows live in the file; without one in a temporary database that SQLite keeps in memory up to a
few MB and beyond that in an unnamed file, which goes with the process. A profile refers to the events that its values
come from (schema.sql), so nothing is stored twice.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import suppress
from dataclasses import fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from leadrelay_sandbox.database import lock, open_database
from leadrelay_sandbox.identity import Owner
from leadrelay_sandbox.records import Arrival, Bad, Session, Totals, User

if TYPE_CHECKING:
    from pathlib import Path

Kind = TypeVar("Kind", User, Session)

#: Refused requests kept; older ones are only counted.
BAD_KEPT = 1_000

_TABLES: dict[str, type] = {"events": Arrival, "users": User, "sessions": Session, "bad": Bad, "totals": Totals}


def _columns(table: str) -> list[str]:
    return [column.name for column in fields(_TABLES[table])]


def _select(table: str, key: str) -> str:
    return f"SELECT {', '.join(_columns(table))} FROM {table} WHERE {key} = ? AND si = ?"  # noqa: S608 - our own names


def _insert(table: str) -> str:
    names = [name for name in _columns(table) if name != "id"]
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608 - our own names


_USER_WITH_ID = "SELECT uid FROM users WHERE user_id = ? AND si = ? AND user_id <> '' ORDER BY id LIMIT 1"
_OWNER = "SELECT uid, user_id FROM users WHERE email = ? AND si = ? AND email <> '' ORDER BY id LIMIT 1"
_KNOWN = "SELECT 1 FROM events WHERE eid = ? AND si = ? LIMIT 1"
_USER, _SESSION = _select("users", "uid"), _select("sessions", "sid")
_ADD_EVENT, _ADD_USER, _ADD_SESSION, _ADD_BAD = map(_insert, ("events", "users", "sessions", "bad"))
_CHANGE_USER = "UPDATE users SET last_ms = ?, events = ?, sessions = ?, profile = ? WHERE id = ?"
_IDENTIFY_USER = "UPDATE users SET email = ?, user_id = ?, name = ? WHERE id = ?"
_CHANGE_SESSION = "UPDATE sessions SET end_ms = ?, events = ?, profile = ? WHERE id = ?"
_MOVE_SESSION = "UPDATE sessions SET uid = ? WHERE id = ? AND uid <> ?"
_SEE = "INSERT OR IGNORE INTO seen (who, ti, si) VALUES (?, ?, ?)"
_COUNT_TITLE = """INSERT INTO titles (ti, si, total, uniques) VALUES (?, ?, 1, ?)
ON CONFLICT DO UPDATE SET total = total + 1, uniques = uniques + excluded.uniques"""
_SAVE_TOTALS = f"UPDATE totals SET {', '.join(f'{name} = ?' for name in _columns('totals'))}"  # noqa: S608 - our own names

_totals = attrgetter(*_columns("totals"))
#: Compact, and characters as they are.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Store:
    """The database and the totals.

    Args:
        path: Of the file, None for none.

    Raises:
        ConfigurationError: The file cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Open or make the database and go on from what it holds."""
        self._lock = lock(path) if path else None
        self._database = open_database(path)
        self.read = self._database.execute  # for views: runs a query
        self.totals = Totals(*self.read("SELECT * FROM totals").fetchone())
        self._written = replace(self.totals)

    # Transactions.

    def begin(self) -> None:
        """Open a transaction."""
        self._database.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Write everything since `begin`, totals too."""
        self._database.execute(_SAVE_TOTALS, _totals(self.totals))
        self._database.execute("COMMIT")
        self._written = replace(self.totals)

    def rollback(self) -> None:
        """Forget everything since the last commit."""
        self.totals = replace(self._written)
        with suppress(sqlite3.Error):  # what made it fail may have ended the transaction already
            self._database.execute("ROLLBACK")

    def close(self) -> None:
        """Close the file and give it free."""
        self._database.close()
        if self._lock:
            self._lock.close()

    def clear(self) -> None:
        """Forget all state; within a transaction."""
        for table in (*(name for name in _TABLES if name != "totals"), "titles", "seen"):
            self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
        self.totals = Totals()

    # Who is known (`identity.Directory`).

    def user_with_id(self, si: str, user_id: str) -> str | None:
        """Give the uid of the first user with this `userId`."""
        found = self._database.execute(_USER_WITH_ID, (user_id, si)).fetchone()
        return found[0] if found else None

    def owner_of(self, si: str, email: str) -> Owner | None:
        """Give the first user with this address."""
        found = self._database.execute(_OWNER, (email, si)).fetchone()
        return Owner(*found) if found else None

    # What one event reads.

    def has_event(self, si: str, eid: str) -> bool:
        """Tell whether an event of this id was accepted."""
        return self._database.execute(_KNOWN, (eid, si)).fetchone() is not None

    def user(self, si: str, uid: str) -> User | None:
        """Find a user."""
        return _with_profile(User, self._database.execute(_USER, (uid, si)).fetchone())

    def session(self, si: str, sid: str) -> Session | None:
        """Find a session."""
        return _with_profile(Session, self._database.execute(_SESSION, (sid, si)).fetchone())

    # What one event writes.

    def add(self, arrival: Arrival) -> None:
        """Keep an accepted request."""
        self._database.execute(
            _ADD_EVENT,
            (
                *(arrival.idx, arrival.eid, arrival.si, arrival.uid, arrival.sid, arrival.at_ms, arrival.method),
                *(arrival.charset, arrival.duplicate, arrival.proxy, arrival.counted, arrival.registered),
                *(_json(arrival.warnings), _json(arrival.params), _json(arrival.enriched)),
            ),
        )
        self.totals.accepted += 1
        self.totals.duplicates += arrival.duplicate
        self.totals.unique_eids += not arrival.duplicate

    def save_user(self, user: User, *, identified: bool) -> None:
        """Write a user; `identified` when address, `userId` or name may have changed."""
        numbers = (user.last_ms, user.events, user.sessions)
        named = (user.email, user.user_id, user.name)
        if user.id is None:
            start = (user.si, user.uid, user.first_ms)
            self._database.execute(_ADD_USER, (*start, *numbers, *named, _json(user.profile)))
            return
        self._database.execute(_CHANGE_USER, (*numbers, _json(user.profile), user.id))
        if identified:
            self._database.execute(_IDENTIFY_USER, (*named, user.id))

    def save_session(self, session: Session) -> None:
        """Write a session."""
        after = (session.end_ms, session.events, _json(session.profile))
        if session.id is None:
            start = (session.si, session.sid, session.uid, session.start_ms)
            self._database.execute(_ADD_SESSION, (*start, *after))
            return
        self._database.execute(_CHANGE_SESSION, (*after, session.id))
        self._database.execute(_MOVE_SESSION, (session.uid, session.id, session.uid))

    def count(self, si: str, ti: str, who: str) -> None:
        """Move the counters of a title; `who` sees it, perhaps for the first time."""
        unique = self._database.execute(_SEE, (who, ti, si)).rowcount
        self._database.execute(_COUNT_TITLE, (ti, si, unique))
        self.totals.events += 1
        self.totals.uniques += unique

    def add_bad(self, at_ms: int, method: str, status: int, reason: str, line: str) -> None:
        """Keep a request that was refused or lost, and forget the one that is too old by now."""
        index = self.totals.bad
        self._database.execute(_ADD_BAD, (index, at_ms, method, status, reason, line))
        self._database.execute("DELETE FROM bad WHERE idx = ?", (index - BAD_KEPT,))
        self.totals.bad += 1


def _with_profile(kind: type[Kind], row: tuple[Any, ...] | None) -> Kind | None:
    if row is None:
        return None
    found = kind(*row)
    found.profile = json.loads(row[-2])
    return found
