"""The outbox in the database of a SQLAlchemy session: events are written in the transaction of what they tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event as events
from sqlalchemy import text
from sqlalchemy.orm import Session

from leadrelay.contrib.outbox import loop
from leadrelay.contrib.outbox.command import sender_of
from leadrelay.contrib.outbox.relay import Relay
from leadrelay.contrib.outbox.store import HOLDS_ROWS
from leadrelay.contrib.outbox.writing import kept
from leadrelay.contrib.sqlalchemy.sessions import sync_session
from leadrelay.contrib.sqlalchemy.store import SqlStore
from leadrelay.contrib.sqlalchemy.tables import OutboxEvent, attach
from leadrelay.contrib.sqlalchemy.transactions import track_on_commit
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from leadrelay.contrib.sqlalchemy.sessions import AnySession

__all__ = ["attach", "start_relay", "track_event"]

#: Set on a session that has a row to flush.
_KEY = "leadrelay.outbox"


def track_event(session: AnySession, title: str, /, **wire: Any) -> str:
    """Add an event to the session, as a row of the outbox: written by its next flush, in its transaction.

    It commits and rolls back with everything else in it; once committed, a relay (`leadrelay outbox`) moves it to the
    queue, whatever dies in between and however long the broker is away. In another mode than `live` it goes the way of
    `track_on_commit`, and no row is written.

    Args:
        session: A `Session`, `AsyncSession` or a scoped one; nothing is awaited.
        title: As `leadrelay.track_event`.
        wire: As for `leadrelay.track_event`.

    Returns:
        The event id.

    Raises:
        InvalidEvent: As `leadrelay.track_event`, only where strict; nothing was added.
    """
    found = kept(title, wire)
    if found is None:
        return track_on_commit(session, title, **wire)
    eid, entry = found
    if entry:
        inner = sync_session(session)
        inner.add(OutboxEvent(eid=entry.eid, lane=entry.lane, payload=entry.payload.decode()))
        inner.info[_KEY] = True
    return eid


@events.listens_for(Session, "before_flush")
def _tell_relays(session: Session, *_: Any) -> None:
    if session.info.pop(_KEY, False):
        connection = session.connection(bind_arguments={"mapper": OutboxEvent})
        if connection.dialect.name == "postgresql":
            connection.execute(text(HOLDS_ROWS))


def start_relay(engine: Engine) -> Callable[[], None]:
    """Relay in a thread of this process, for where no `leadrelay outbox` runs; call it after a fork.

    Args:
        engine: Synchronous, with a connection to spare.

    Returns:
        A function that ends the thread.
    """
    return loop.start(lambda: Relay(sender_of(Settings.load(), start=False), SqlStore(engine)), lambda: None)
