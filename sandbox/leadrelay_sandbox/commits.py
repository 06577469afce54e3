"""One commit for all requests of a turn of the event loop; no answer before it."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay_sandbox.store import Store

Result = TypeVar("Result")


class NotStored(Exception):
    """The database refused a write (a full disk); nothing of the request remains. The message is SQLite's."""


class Commits:
    """Groups changes of the store.

    Args:
        store: What is changed.
    """

    def __init__(self, store: Store) -> None:
        """See the class."""
        self._store = store
        #: One for each request whose change is made and not written; empty while no transaction is open.
        self._waiting: list[asyncio.Future[None]] = []

    async def durable(self, change: Callable[[], Result]) -> Result:
        """Run a change and return what it gives once it is written.

        Raises:
            NotStored: It was not written; neither was what shared its commit.
        """
        loop = asyncio.get_running_loop()
        try:
            if not self._waiting:
                self._store.begin()
            result = change()
        except sqlite3.Error as error:
            self._fail(error)
            raise NotStored(str(error)) from None
        if not self._waiting:
            loop.call_soon(self._commit)  # after the requests that are ready now
        written = loop.create_future()
        self._waiting.append(written)
        await written
        return result

    def _commit(self) -> None:
        if not self._waiting:  # a later change of the turn failed, and took the others with it
            return
        try:
            self._store.commit()
        except sqlite3.Error as error:
            self._fail(error)
            return
        for written in self._ended():
            written.set_result(None)

    def _fail(self, error: sqlite3.Error) -> None:
        self._store.rollback()
        for written in self._ended():
            written.set_exception(NotStored(str(error)))

    def _ended(self) -> list[asyncio.Future[None]]:
        """Give the requests that still wait, and open the next group."""
        waiting, self._waiting = self._waiting, []
        return [written for written in waiting if not written.done()]
