"""Django and SQLAlchemy as the tests use them: writers with a transaction each, and the store of a relay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.core.management import call_command
from django.db import connections, transaction
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from tests import django_process
from tests.integration.transactions import django_settings

_ALIAS = "default"


class Rollback(Exception):
    """Ends a block that shall not commit."""


class DjangoWriter:
    """One transaction of Django, in a thread of its own, since a connection belongs to a thread."""

    def __init__(self, alias: str) -> None:
        self._alias, self._thread = alias, ThreadPoolExecutor(1)
        self._blocks: list[Any] = []

    def _do(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return self._thread.submit(function, *args, **kwargs).result(120)

    def begin(self) -> None:
        """Begin the transaction, or a savepoint in it."""
        block = transaction.atomic(using=self._alias)
        self._do(block.__enter__)
        self._blocks.append(block)

    def commit(self) -> None:
        """Commit it, or release the savepoint."""
        self._do(self._blocks.pop().__exit__, None, None, None)

    def rollback(self) -> None:
        """Roll it back, or to the savepoint."""
        self._do(self._blocks.pop().__exit__, Rollback, Rollback(), None)

    def track(self, title: str, **wire: Any) -> str:
        """Write into the outbox."""
        from leadrelay.contrib.django import outbox  # noqa: PLC0415 - models load after Django is set up

        return self._do(outbox.track_event, title, using=self._alias, **wire)

    def fetch(self, statement: str) -> Any:
        """Run SQL that gives one value."""

        def run() -> Any:
            with connections[self._alias].cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()[0]

        return self._do(run)

    def track_on_commit(self, title: str, **wire: Any) -> str:
        """Track after the commit."""
        from leadrelay.contrib.django.transactions import track_on_commit  # noqa: PLC0415 - as above

        return self._do(track_on_commit, title, using=self._alias, **wire)

    def close(self) -> None:
        """End thread and connection."""
        while self._blocks:
            self.rollback()
        self._do(lambda: connections[self._alias].close())  # noqa: PLW0108 - the thread's own connection
        self._thread.shutdown()


class Django:
    """A database of Django."""

    def __init__(self, url: str) -> None:
        django_process.set_up()
        defaults = {"ATOMIC_REQUESTS": False, "AUTOCOMMIT": True, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False}
        empty = {"OPTIONS": {}, "TIME_ZONE": None, "USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "TEST": {}}
        self.alias = f"outbox_{abs(hash(url))}"
        connections.databases[self.alias] = defaults | empty | django_settings.database(url)
        call_command("migrate", "leadrelay", database=self.alias, verbosity=0)

    def writer(self) -> DjangoWriter:
        """Give a writer."""
        return DjangoWriter(self.alias)

    def store(self) -> Any:
        """Give the relay's side."""
        from leadrelay.contrib.django.outbox import DjangoStore  # noqa: PLC0415 - as above

        return DjangoStore(self.alias)

    def execute(self, statement: str) -> None:
        """Run SQL."""
        with connections[self.alias].cursor() as cursor:
            cursor.execute(statement)

    def start_relay(self) -> Any:
        """Relay in a thread."""
        from leadrelay.contrib.django.outbox import start_relay  # noqa: PLC0415 - as above

        return start_relay(self.alias)

    def close(self) -> None:
        """Close this thread's connection; before a fork too."""
        connections[self.alias].close()


class SqlWriter:
    """One session of SQLAlchemy."""

    def __init__(self, engine: Any) -> None:
        self._session = Session(engine)
        self._savepoints: list[Any] = []

    def begin(self) -> None:
        """Begin the transaction, or a savepoint in it."""
        if self._session.in_transaction():
            self._savepoints.append(self._session.begin_nested())
        else:
            self._session.begin()

    def commit(self) -> None:
        """Commit it, or release the savepoint."""
        (self._savepoints.pop() if self._savepoints else self._session).commit()

    def rollback(self) -> None:
        """Roll it back, or to the savepoint."""
        (self._savepoints.pop() if self._savepoints else self._session).rollback()

    def track(self, title: str, **wire: Any) -> str:
        """Write into the outbox, and flush, as any query would."""
        from leadrelay.contrib.sqlalchemy import outbox  # noqa: PLC0415 - as Django's

        eid = outbox.track_event(self._session, title, **wire)
        self._session.flush()
        return eid

    def fetch(self, statement: str) -> Any:
        """Run SQL that gives one value."""
        return self._session.execute(text(statement)).scalar_one()

    def track_on_commit(self, title: str, **wire: Any) -> str:
        """Track after the commit."""
        from leadrelay.contrib.sqlalchemy import track_on_commit  # noqa: PLC0415 - as Django's

        return track_on_commit(self._session, title, **wire)

    def close(self) -> None:
        """Roll back what is left."""
        self._session.close()


class SqlAlchemy:
    """A database of SQLAlchemy."""

    def __init__(self, url: str) -> None:
        from leadrelay.contrib.sqlalchemy.tables import Base  # noqa: PLC0415 - as Django's

        self.engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), pool_pre_ping=True)
        Base.metadata.create_all(self.engine)

    def writer(self) -> SqlWriter:
        """Give a writer."""
        return SqlWriter(self.engine)

    def store(self) -> Any:
        """Give the relay's side."""
        from leadrelay.contrib.sqlalchemy.store import SqlStore  # noqa: PLC0415 - as Django's

        return SqlStore(self.engine)

    def execute(self, statement: str) -> None:
        """Run SQL."""
        with self.engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def start_relay(self) -> Any:
        """Relay in a thread."""
        from leadrelay.contrib.sqlalchemy.outbox import start_relay  # noqa: PLC0415 - as Django's

        return start_relay(self.engine)

    def close(self) -> None:
        """Close every connection; before a fork too."""
        self.engine.dispose()


FRAMEWORKS = {"django": Django, "sqlalchemy": SqlAlchemy}
