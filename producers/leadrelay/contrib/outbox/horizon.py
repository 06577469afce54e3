"""The horizon: how far rows may be taken in order.

Ids are given when a row is written and rows are seen when their transaction commits, so a lower id may turn up after a
higher one. A look at the database tells the newest row and then the transactions that have written and are under way.
A lower row that is not seen can only be theirs: once they have all ended, every row up to that newest one is there, or
will never be. Transactions that begin later get higher ids, so each look waits for few, and for no newcomer.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds for which events wait for a transaction that may still commit earlier ones. One that takes longer does not
#: hold the others up any further, and its own events then come after them.
PATIENCE_S = 60.0

_NOBODY: frozenset[str] = frozenset()


@dataclass
class Horizon:
    """What one relay knows of it.

    Args:
        safe: The highest id that may be taken.
    """

    safe: int = 0
    _newest: int = 0
    _awaited: frozenset[str] = _NOBODY
    _since: float = 0.0
    _given_up: frozenset[str] = _NOBODY

    def look(self, newest: int, writers: frozenset[str], now: float) -> int:
        """Take in a look at the database.

        Args:
            newest: Id of the newest committed row, read before `writers`.
            writers: Transactions that have written to the outbox and are under way.
            now: Seconds of a monotonic clock.

        Returns:
            The highest id that may be taken. Rows up to it must be read after this look.
        """
        self._given_up &= writers
        if self._awaited:
            self._awaited &= writers
            if self._awaited and now - self._since < PATIENCE_S:
                return self.safe
            self.safe = self._newest
            self._given_up |= self._awaited
        self._newest, self._awaited, self._since = newest, writers - self._given_up, now
        if not self._awaited:
            self.safe = newest
        return self.safe
