"""The session behind what an application calls its session."""

from __future__ import annotations

from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

AnySession: TypeAlias = Session | AsyncSession | scoped_session[Any] | async_scoped_session[Any]


def sync_session(session: AnySession) -> Session:
    """Give the session on which events fire; an asynchronous one has a synchronous one inside."""
    found = session() if isinstance(session, (scoped_session, async_scoped_session)) else session
    return found.sync_session if isinstance(found, AsyncSession) else found
