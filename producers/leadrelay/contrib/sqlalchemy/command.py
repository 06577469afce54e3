"""`leadrelay outbox`."""

from __future__ import annotations

import sys

import click
from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from leadrelay.cli.common import json_option
from leadrelay.contrib.outbox.command import run
from leadrelay.contrib.sqlalchemy.store import SqlStore
from leadrelay.settings import Settings

#: Drivers that stand for those of an application's URL: psycopg 3 where none is named, synchronous ones for async ones.
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+asyncpg": "postgresql+psycopg",
    "sqlite+aiosqlite": "sqlite",
}


@click.command()
@click.option("--url", help="The database, as SQLAlchemy writes it; default LEADRELAY_OUTBOX_URL.")
@click.option("--once", is_flag=True, help="End when nothing that is committed waits.")
@json_option
def outbox(url: str | None, *, once: bool, as_json: bool) -> None:
    """Move the events of an outbox into the queue, until SIGTERM or Ctrl-C. Several may run."""
    given = url or Settings.load().outbox_url
    if not given:
        raise click.UsageError("which database? Pass --url, or set LEADRELAY_OUTBOX_URL")
    try:
        engine = create_engine(_with_driver(given), pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError):
        raise click.UsageError("the database URL cannot be read: postgresql://user@host/name, sqlite:///file") from None
    except ModuleNotFoundError as error:
        raise click.ClickException(f"the database needs its driver: pip install {error.name}") from None
    sys.exit(run(SqlStore(engine), once=once, as_json=as_json))


def _with_driver(text: str) -> URL:
    url = make_url(text)
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
