"""Mending: what a broker leaves that lost a key, or a message, to something other than leadrelay.

What a broker loses by itself, its last seconds, needs none of it: every step is one script, so an earlier moment of the
queue is whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from redis import exceptions

from leadrelay.queue import scripts
from leadrelay.queue.core import LEASE_S, MOST_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.queue.core import Queue

#: Lanes and blocked datasets looked at in one call: bounds how long it holds the broker (under a ms).
MOST_RUNS = 100


class Mended(NamedTuple):
    """What one step found and mended.

    Args:
        leases: Workers in flight without a lease: they have one again, so that what they hold is rescued.
        runs: Lanes and datasets that waited for nothing: they go on.
        letters: Dead letters without a place in their order, or places without a letter.
    """

    leases: int
    runs: int
    letters: int


class Mending:
    """Goes through the queue, a bounded part with each step, and begins anew at the end."""

    def __init__(self, queue: Queue) -> None:
        """Of `queue`."""
        self._queue = queue
        self._run: Any = ""
        self._cursor: Any = "0"

    def step(self) -> Mended:
        """Look at the next part; errors as `scripts.run`."""
        args = (int(LEASE_S * 1000), self._run, MOST_RUNS, self._cursor)
        self._run, self._cursor, *found = self._queue.run("mend", *args)
        return Mended(*map(int, found))


def read_heads(queue: Queue) -> dict[str, int]:
    """Give the lanes and the sequence numbers of their heads; errors as `scripts.run`."""
    try:
        found: Any = queue.client.hscan_iter(queue.keys.name("lanes"), count=MOST_AT_ONCE)
        return {lane.decode(): int(head.split()[0]) for lane, head in found}
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error


def free(queue: Queue, gone: Mapping[str, int], by: str) -> int:
    """Let lanes go on whose head is gone (`Recount.gone`); gives how many. Errors as `scripts.run`."""
    lanes = list(gone.items())
    parts = [lanes[start : start + MOST_AT_ONCE] for start in range(0, len(lanes), MOST_AT_ONCE)]
    return sum(int(queue.run("free", by, *(each for lane in part for each in lane))) for part in parts)
