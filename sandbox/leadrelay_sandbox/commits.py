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
        self._group: asyncio.Future[None] | None = None

    async def durable(self, change: Callable[[], Result]) -> Result:
        """Run a change and return what it gives once it is written.

        Raises:
            NotStored: It was not written; neither was what shared its commit.
        """
        group = self._joined()
        try:
            result = change()
        except sqlite3.Error as error:
            self._failed(error)
            raise NotStored(str(error)) from None
        await group
        return result

    def _joined(self) -> asyncio.Future[None]:
        """Give the group that is open, opening one that ends when the requests that are ready now have run."""
        if self._group is None:
            try:
                self._store.begin()
            except sqlite3.Error as error:
                raise NotStored(str(error)) from None
            loop = asyncio.get_running_loop()
            self._group = loop.create_future()
            loop.call_soon(self._commit)
        return self._group

    def _commit(self) -> None:
        group, self._group = self._group, None
        if group is None or group.done():  # the group failed, or a shutdown cancelled it
            return
        try:
            self._store.commit()
        except sqlite3.Error as error:
            self._group = group
            self._failed(error)
        else:
            group.set_result(None)

    def _failed(self, error: sqlite3.Error) -> None:
        group, self._group = self._group, None
        self._store.rollback()
        if group is not None and not group.done():
            group.set_exception(NotStored(str(error)))
            group.exception()  # whoever waits sees it; nobody need
