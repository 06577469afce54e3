"""The outbox's tables; `leadrelay.contrib.django.models` declares the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, DateTime, Integer, SmallInteger, String, Text
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from leadrelay.contrib.outbox.store import RELAY_TABLE, TABLE

if TYPE_CHECKING:
    from sqlalchemy import MetaData

_LONG = Text().with_variant(LONGTEXT(), "mysql", "mariadb")  # their TEXT ends one byte below the largest event


class Base(DeclarativeBase):
    """Holds both tables."""


class OutboxEvent(Base):
    """An event that is committed and not in the queue yet."""

    __tablename__ = TABLE
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own form; no id is given twice

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"), primary_key=True)
    eid: Mapped[str] = mapped_column(String(128))
    lane: Mapped[str] = mapped_column(String(16))
    payload: Mapped[str] = mapped_column(_LONG)
    written_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))


class OutboxRelay(Base):
    """One row: who the outbox is for the queue, and the batch that is noted; a relay locks it."""

    __tablename__ = RELAY_TABLE

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    source: Mapped[str] = mapped_column(String(32))
    noted: Mapped[str] = mapped_column(_LONG)


def attach(metadata: MetaData) -> None:
    """Add the tables to an application's metadata, for `create_all` and for Alembic's autogenerate."""
    for table in Base.metadata.sorted_tables:
        table.to_metadata(metadata)
