"""What a database must be able to do for the relay, and what both stores share."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import accumulate, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from leadrelay.contrib.outbox.row import Noted
from leadrelay.entry import MOST_BYTES
from leadrelay.home import locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from leadrelay.contrib.outbox.row import Row

#: Rows in one batch, as of an import.
BATCH = 500
#: Names in the database.
TABLE = "leadrelay_outbox"
RELAY_TABLE = "leadrelay_outbox_relay"
#: Names our advisory locks on PostgreSQL ("LEAD", "OUTB" as bytes).
_LOCK = (0x4C454144, 0x4F555442)

#: PostgreSQL: tell relays, until this transaction ends, that it may hold rows not seen yet. Blocks nobody.
HOLDS_ROWS = f"SELECT pg_advisory_xact_lock_shared({_LOCK[0]}, {_LOCK[1]})"
#: PostgreSQL: the transactions that do.
WRITERS = (
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"  # noqa: S608 - our numbers
    f" AND classid = {_LOCK[0]} AND objid = {_LOCK[1]}"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


class Turn(Protocol):
    """A relay's turn: no other relay of this outbox has one meanwhile."""

    source: str
    """Names the outbox for the queue; random, so that a copy of a database that is emptied has another."""

    def noted(self) -> Noted:
        """Give the batch that is noted."""

    def rows(self, noted: Noted) -> list[Row]:
        """Give its rows, by id; fewer when somebody deleted some."""

    def advance(self, done: Noted, safe: int) -> Noted:
        """Delete the rows of a batch that was accepted, and note the next one, in one transaction.

        Args:
            done: The batch that was noted.
            safe: The highest id to take.

        Returns:
            What is noted now: nothing when no row is left.
        """


class Store(Protocol):
    """The outbox in one database."""

    errors: tuple[type[Exception], ...]
    """What it raises when the database is away or refuses."""

    def look(self) -> tuple[int, frozenset[str]]:
        """Give the id of the newest committed row (0 for none), then who has written and is under way (`horizon`)."""

    def turn(self) -> AbstractContextManager[Turn | None]:
        """Take a turn; None when another relay has it."""

    def waiting(self) -> int:
        """Count the committed rows."""

    def reset(self) -> None:
        """Let go of connections that may be broken."""


def fitting(candidates: Sequence[tuple[int, str, int]]) -> Noted:
    """Note what fits into one call.

    Args:
        candidates: (id, eid, size of the payload) in order; the first one always fits.
    """
    sizes = accumulate(size for _, _, size in candidates)
    fits = sum(1 for _ in takewhile(lambda total: total <= MOST_BYTES, sizes))
    return Noted.of((number, eid) for number, eid, _ in candidates[: max(1, fits)])


@contextmanager
def lock_beside(database: str | None) -> Iterator[bool]:
    """Hold the lock of a SQLite database's relay, a file beside it; gives False when another relay has it.

    SQLite locks the whole database, so that a lock inside it would keep writers waiting for the broker.

    Args:
        database: Path of its file; None or ``""`` for one in memory, which no other process can have.
    """
    if not database:
        yield True
        return
    with locked(Path(f"{database}.leadrelay-lock"), wait=False) as mine:
        yield mine
