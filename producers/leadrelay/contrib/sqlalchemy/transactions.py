"""Events that are tracked only if the transaction of their session commits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sqlalchemy import event as events
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only
from sqlalchemy.util.concurrency import in_greenlet

from leadrelay.contrib.outbox.writing import send
from leadrelay.contrib.sqlalchemy.sessions import sync_session
from leadrelay.tracking import make_event

if TYPE_CHECKING:
    from sqlalchemy.orm import SessionTransaction

    from leadrelay.contrib.sqlalchemy.sessions import AnySession
    from leadrelay.event import Event

#: Where a session keeps, in order, the events of its transactions and savepoints that have not ended.
_KEY = "leadrelay.on_commit"


def track_on_commit(session: AnySession, title: str, /, **wire: Any) -> str:
    """Track an event after the session has committed; a rollback, also to a savepoint, sends nothing.

    The event is made now: its id, its context and its values stay what they are at the call. The session's transaction
    begins with it, if none is under way. When the process dies between the commit and the call to the broker, the event
    is lost: where that matters, use the outbox (`leadrelay.contrib.sqlalchemy.outbox`).

    Args:
        session: A `Session`, `AsyncSession` or a scoped one.
        title: As for `track_event`.
        wire: As for `track_event`.

    Returns:
        The event id.

    Raises:
        InvalidEvent: As `track_event`, only where strict. What goes wrong after the commit is logged, and `commit` does
            not raise it.
    """
    event = make_event(title, wire)
    found = sync_session(session)
    transaction = found.get_nested_transaction() or found.get_transaction() or found.begin()
    found.info.setdefault(_KEY, []).append((transaction, event))
    return event.eid


@events.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint was released: what it held ends with the transactions around it
    pending: list[tuple[SessionTransaction, Event]] = session.info.pop(_KEY, [])
    if pending:
        _send_all([event for _, event in pending])


@events.listens_for(Session, "after_soft_rollback")
def _rolled_back(session: Session, previous: SessionTransaction) -> None:
    pending = session.info.get(_KEY)
    if pending:
        session.info[_KEY] = [(at, event) for at, event in pending if not _within(at, previous)]


def _within(transaction: SessionTransaction | None, ended: SessionTransaction) -> bool:
    while transaction is not None and transaction is not ended:
        transaction = transaction.parent
    return transaction is not None


def _send_all(committed: list[Event]) -> None:
    """Send, without stopping an event loop."""
    if in_greenlet():
        await_only(asyncio.to_thread(send, committed))
    else:
        send(committed)
