"""SQLAlchemy 2: events after the commit of a session, and an outbox in its database."""

from leadrelay.contrib.sqlalchemy.transactions import track_on_commit

__all__ = ["track_on_commit"]
