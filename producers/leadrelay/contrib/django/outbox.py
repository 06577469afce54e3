"""The outbox in a Django database: events are written in the transaction of what they tell of."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.models import Max
from django.db.models.functions import Length

from leadrelay.contrib.django.models import OutboxEvent, OutboxRelay
from leadrelay.contrib.django.transactions import track_on_commit
from leadrelay.contrib.outbox import loop
from leadrelay.contrib.outbox.command import sender_of
from leadrelay.contrib.outbox.relay import Relay
from leadrelay.contrib.outbox.row import Noted, Row
from leadrelay.contrib.outbox.store import BATCH, HOLDS_ROWS, WRITERS, fitting, lock_beside
from leadrelay.contrib.outbox.writing import kept
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def track_event(title: str, /, *, using: str = DEFAULT_DB_ALIAS, **wire: Any) -> str:
    """Write an event into the outbox, in the transaction that is under way (or in one of its own).

    It commits and rolls back with everything else in it; once committed, a relay (`manage.py leadrelay_outbox`) moves
    it to the queue, whatever dies in between and however long the broker is away. In another mode than `live` it goes
    the way of `track_on_commit`, and no row is written.

    Args:
        title: As `leadrelay.track_event`.
        using: Alias of the database.
        wire: As for `leadrelay.track_event` (a property called `using` goes into `properties`).

    Returns:
        The event id.

    Raises:
        InvalidEvent: As `leadrelay.track_event`, only where strict; nothing was written.
        django.db.Error: The row cannot be written; the transaction is then as after any failed write.
    """
    found = kept(title, wire)
    if found is None:
        return track_on_commit(title, using=using, **wire)
    eid, entry = found
    if entry:
        with transaction.atomic(using=using, savepoint=False):
            _tell_relays(using)
            OutboxEvent.objects.using(using).create(eid=entry.eid, lane=entry.lane, payload=entry.payload.decode())
    return eid


def _tell_relays(using: str) -> None:
    connection = connections[using]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(HOLDS_ROWS)


def start_relay(using: str = DEFAULT_DB_ALIAS) -> Callable[[], None]:
    """Relay in a thread of this process, for where no `manage.py leadrelay_outbox` runs; call it after a fork.

    Args:
        using: Alias of the database.

    Returns:
        A function that ends the thread.
    """
    return loop.start(
        lambda: Relay(sender_of(Settings.load(), start=False), DjangoStore(using)),
        lambda: connections[using].close(),  # noqa: PLW0108 - a thread has its own connection
    )


class DjangoStore:
    """See `contrib.outbox.store.Store`.

    Args:
        using: Alias of the database.
    """

    errors: tuple[type[Exception], ...] = (Error,)

    def __init__(self, using: str = DEFAULT_DB_ALIAS) -> None:
        """See the class."""
        self._using = using
        self._made = False

    def look(self) -> tuple[int, frozenset[str]]:
        """See `Store`."""
        newest = OutboxEvent.objects.using(self._using).aggregate(newest=Max("id"))["newest"] or 0
        connection = connections[self._using]
        if connection.vendor != "postgresql":
            return newest, frozenset()
        with connection.cursor() as cursor:
            cursor.execute(WRITERS)
            return newest, frozenset(writer for (writer,) in cursor.fetchall())

    @contextmanager
    def turn(self) -> Iterator[DjangoTurn | None]:
        """See `Store`."""
        self._make_relay()
        relays = OutboxRelay.objects.using(self._using)
        connection = connections[self._using]
        if connection.vendor == "sqlite":
            file = None if connection.is_in_memory_db() else str(connection.settings_dict["NAME"])
            with lock_beside(file) as mine:
                relay = relays.first() if mine else None
                self._made = relay is not None
                yield DjangoTurn(self._using, relay) if relay else None
            return
        with transaction.atomic(using=self._using):
            relay = relays.select_for_update(skip_locked=True).first()
            self._made = relay is not None
            yield DjangoTurn(self._using, relay) if relay else None

    def waiting(self) -> int:
        """See `Store`."""
        return int(OutboxEvent.objects.using(self._using).count())

    def reset(self) -> None:
        """See `Store`."""
        connections[self._using].close()

    def _make_relay(self) -> None:
        """Make the relay's row if it is missing: at first, and when it could not be locked."""
        relays = OutboxRelay.objects.using(self._using)
        if not (self._made or relays.exists()):
            relays.bulk_create([OutboxRelay(source=secrets.token_hex(8))], ignore_conflicts=True)


class DjangoTurn:
    """See `contrib.outbox.store.Turn`."""

    def __init__(self, using: str, relay: OutboxRelay) -> None:
        """See the class."""
        self._using, self._relay = using, relay
        self.source = str(relay.source)

    def noted(self) -> Noted:
        """See `Turn`."""
        return Noted.read(str(self._relay.noted))

    def rows(self, noted: Noted) -> list[Row]:
        """See `Turn`."""
        found = self._events().filter(pk__in=noted.ids).order_by("pk")
        return [Row(*values) for values in found.values_list("pk", "eid", "lane", "payload")]

    def advance(self, done: Noted, safe: int) -> Noted:
        """See `Turn`."""
        if not done and not self._following(safe):
            return Noted()  # a look at a table in which nothing can move writes nothing
        with transaction.atomic(using=self._using, savepoint=False):
            self._note(Noted())  # first: SQLite then waits for its lock here, where it can
            self._events().filter(pk__in=done.ids).delete()
            following = self._following(safe)
            self._note(following)
        return following

    def _following(self, safe: int) -> Noted:
        candidates = self._events().filter(pk__lte=safe).order_by("pk").annotate(size=Length("payload"))
        return fitting(candidates.values_list("pk", "eid", "size")[:BATCH])

    def _events(self) -> Any:
        return OutboxEvent.objects.using(self._using)

    def _note(self, noted: Noted) -> None:
        self._relay.noted = noted.text()
        self._relay.save(using=self._using, update_fields=["noted"])
