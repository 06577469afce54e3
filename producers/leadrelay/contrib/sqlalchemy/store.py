"""The relay's side of the outbox, over a SQLAlchemy engine."""

from __future__ import annotations

import secrets
from contextlib import contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from leadrelay.contrib.outbox.row import Noted
from leadrelay.contrib.outbox.row import Row as OutboxRow
from leadrelay.contrib.outbox.store import BATCH, WRITERS, fitting, lock_beside
from leadrelay.contrib.sqlalchemy.tables import OutboxEvent, OutboxRelay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Engine, Row

    Begin = Callable[[], AbstractContextManager[Connection]]

_RELAY = select(OutboxRelay.source, OutboxRelay.noted)


class SqlStore:
    """See `contrib.outbox.store.Store`.

    Args:
        engine: Synchronous.
    """

    errors: tuple[type[Exception], ...] = (SQLAlchemyError,)

    def __init__(self, engine: Engine) -> None:
        """See the class."""
        self._engine = engine
        self._made = False

    def look(self) -> tuple[int, frozenset[str]]:
        """See `Store`."""
        with self._engine.connect() as connection:
            newest = connection.scalar(select(func.max(OutboxEvent.id))) or 0
            if connection.dialect.name != "postgresql":
                return newest, frozenset()
            return newest, frozenset(connection.scalars(text(WRITERS)))

    @contextmanager
    def turn(self) -> Iterator[SqlTurn | None]:
        """See `Store`."""
        self._make_relay()
        if self._engine.dialect.name == "sqlite":
            with lock_beside(_file(self._engine)) as mine:
                found = self._relay() if mine else None
                self._made = found is not None
                yield SqlTurn(self._engine.begin, *found) if found else None
            return
        with self._engine.begin() as connection:
            locked = connection.execute(_RELAY.with_for_update(skip_locked=True)).first()
            self._made = locked is not None
            yield SqlTurn(lambda: nullcontext(connection), *locked) if locked else None

    def waiting(self) -> int:
        """See `Store`."""
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(OutboxEvent)) or 0

    def reset(self) -> None:
        """See `Store`."""
        self._engine.dispose()

    def _relay(self) -> Row[tuple[str, str]] | None:
        with self._engine.connect() as connection:
            return connection.execute(_RELAY).first()

    def _make_relay(self) -> None:
        """Make the relay's row if it is missing: at first, and when it could not be locked."""
        if not (self._made or self._relay()):
            with suppress(IntegrityError), self._engine.begin() as connection:
                connection.execute(insert(OutboxRelay).values(id=1, source=secrets.token_hex(8), noted=""))


class SqlTurn:
    """See `contrib.outbox.store.Turn`.

    Args:
        begin: Begins a transaction, or gives the one in which the turn was taken.
        source: Names the outbox.
        noted: As the database keeps it.
    """

    def __init__(self, begin: Begin, source: str, noted: str) -> None:
        """See the class."""
        self._begin, self.source, self._noted = begin, source, noted

    def noted(self) -> Noted:
        """See `Turn`."""
        return Noted.read(self._noted)

    def rows(self, noted: Noted) -> list[OutboxRow]:
        """See `Turn`."""
        columns = select(OutboxEvent.id, OutboxEvent.eid, OutboxEvent.lane, OutboxEvent.payload)
        with self._begin() as connection:
            found = connection.execute(columns.where(OutboxEvent.id.in_(noted.ids)).order_by(OutboxEvent.id))
            return [OutboxRow(*values) for values in found]

    def advance(self, done: Noted, safe: int) -> Noted:
        """See `Turn`."""
        with self._begin() as connection:
            if not done and not _following(connection, safe):
                return Noted()  # a look at a table in which nothing can move writes nothing
        with self._begin() as connection:
            _note(connection, Noted())  # first: SQLite then waits for its lock here, where it can
            connection.execute(delete(OutboxEvent).where(OutboxEvent.id.in_(done.ids)))
            following = _following(connection, safe)
            _note(connection, following)
        return following


def _following(connection: Connection, safe: int) -> Noted:
    sizes = select(OutboxEvent.id, OutboxEvent.eid, func.length(OutboxEvent.payload))
    candidates = sizes.where(OutboxEvent.id <= safe).order_by(OutboxEvent.id).limit(BATCH)
    return fitting([(number, eid, size) for number, eid, size in connection.execute(candidates)])


def _note(connection: Connection, noted: Noted) -> None:
    connection.execute(update(OutboxRelay).values(noted=noted.text()))


def _file(engine: Engine) -> str | None:
    name = engine.url.database
    return None if name == ":memory:" or engine.url.query.get("mode") == "memory" else name
