"""The relay: committed rows into the queue, each once, in order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.contrib.outbox.horizon import Horizon
from leadrelay.failpoints import failpoint
from leadrelay.queue.core import Batch

if TYPE_CHECKING:
    from leadrelay.contrib.outbox.row import Noted
    from leadrelay.contrib.outbox.store import Store, Turn
    from leadrelay.handover.sender import Sender

#: Seconds that one call to the broker may take. The turn is held meanwhile.
_BUDGET_S = 5.0


@dataclass(frozen=True)
class Step:
    """What a step did.

    Args:
        moved: Rows that the queue now has, and the table has no longer.
        more: Another batch is noted.
        behind: Rows wait for a transaction that may still commit earlier ones.
        standby: Another relay has the turn.
    """

    moved: int = 0
    more: bool = False
    behind: bool = False
    standby: bool = False


class Relay:
    """Moves the rows of one outbox; any number of relays may run, and one at a time does something.

    Args:
        sender: To their queue.
        store: The outbox.
    """

    def __init__(self, sender: Sender, store: Store) -> None:
        """See the class."""
        self._sender, self.store = sender, store
        self._horizon = Horizon()

    def step(self) -> Step:
        """Send the batch that is noted, and note the next one.

        Raises:
            NotAccepted: The broker is away, full or too slow; the rows stay.
        """
        newest, writers = self.store.look()
        safe = self._horizon.look(newest, writers, time.monotonic())
        if not newest:
            return Step()
        with self.store.turn() as turn:
            if turn is None:
                return Step(standby=True)
            noted = turn.noted()
            if noted:
                self._send(turn, noted)
            following = turn.advance(noted, safe)
            failpoint("outbox.advancing")
        failpoint("outbox.advanced")
        return Step(len(noted.ids), bool(following), behind=newest > safe)

    def _send(self, turn: Turn, noted: Noted) -> None:
        entries = [row.entry(turn.source) for row in turn.rows(noted)]
        failpoint("outbox.sending")
        if entries:
            batch = Batch(f"outbox-{turn.source}", noted.digest)
            self._sender.enqueue(entries, end=time.monotonic() + _BUDGET_S, batch=batch)
        failpoint("outbox.sent")
