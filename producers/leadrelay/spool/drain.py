"""Draining: from the spool into the queue, in order, by one process of a home at a time."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.entry import MOST_AT_ONCE, MOST_BYTES
from leadrelay.home import locked
from leadrelay.spool.journal import Journal
from leadrelay.spool.reader import ended, merged
from leadrelay.spool.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from leadrelay.entry import Entry
    from leadrelay.spool.folder import Folder
    from leadrelay.spool.reader import Waiting

    #: Enqueues a batch under the name of its source and its own; raises NotAccepted.
    Send = Callable[[Sequence[Entry], str, str], object]
    #: Gives the name of the last batch that the queue accepted from a source; raises NotAccepted.
    LastBatch = Callable[[str], str]

logger = logging.getLogger(__name__)


@dataclass
class Drained:
    """What a drain moved into the queue; `alone` is False when another process drains."""

    events: int = 0
    damaged_bytes: int = 0
    alone: bool = True


class Drain:
    """Moves what waits into the queue.

    Args:
        folder: The spool.
        send: To the queue.
        last_batch: What the queue remembers.
        progress: Told after each batch.
    """

    def __init__(
        self, folder: Folder, send: Send, last_batch: LastBatch, progress: Callable[[Drained], object] | None = None
    ) -> None:
        """See the class."""
        self._folder, self._send, self._last_batch = folder, send, last_batch
        self._progress = progress or (lambda _: None)
        self._done = Drained()
        self._damaged: set[str] = set()

    def run(self, until: float = float("inf")) -> Drained:
        """Drain until nothing waits, or the monotonic time `until` is past (at least one batch is sent).

        Raises:
            NotAccepted: The broker is away or full again; what was accepted is noted.
            OSError: The spool cannot be read, or its journal not written.
        """
        self._done = Drained()
        if not self._folder.waiting():
            return self._done
        with locked(self._folder.lock, wait=False) as alone:
            self._done.alone = alone
            if alone:
                self._run(until)
        return self._done

    def _run(self, until: float) -> None:
        journal = Journal(self._folder)
        journal.settle(self._last_batch(journal.source))
        stamps = Stamps(self._folder)
        try:
            while self._round(journal, stamps.draw(), until) and time.monotonic() < until:
                pass
        finally:
            stamps.close()
            journal.close()

    def _round(self, journal: Journal, below: int, until: float) -> int:
        """Send what has a stamp up to `below`, and take away the segments that have ended; gives how many waited."""
        names, sent = self._folder.waiting(), 0
        for batch in batches(merged(self._folder, journal.done, below, self._damage)):
            self._move(journal, batch)
            sent += len(batch)
            if time.monotonic() >= until:
                break
        else:
            for name in names:
                self._remove(name, journal.done.get(name, 0))
        return sent

    def _move(self, journal: Journal, batch: list[Waiting]) -> None:
        after = dict(journal.done)
        after.update((waiting.segment, waiting.end) for waiting in batch)
        digest = _name_of(batch)
        journal.begin(after, digest)
        self._send([waiting.entry for waiting in batch], journal.source, digest)
        journal.accepted()
        self._done.events += len(batch)
        self._progress(self._done)

    def _remove(self, name: str, at: int) -> None:
        """Take a segment away in which nothing waits any more, unless its owner writes at this moment."""
        path = self._folder.segments / name
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if ended(self._folder, name, at):
                if name in self._damaged:
                    path.replace(self._folder.path / f"{name}.damaged")
                else:
                    path.unlink()
        except BlockingIOError:
            pass
        finally:
            os.close(handle)

    def _damage(self, name: str, start: int, end: int) -> None:
        self._damaged.add(name)
        self._done.damaged_bytes += end - start
        logger.error("the spool is damaged: %d bytes of %s are no events; the file is kept", end - start, name)


def batches(waiting: Iterable[Waiting]) -> Iterator[list[Waiting]]:
    """Split into calls of at most `MOST_AT_ONCE` events and `MOST_BYTES`."""
    batch: list[Waiting] = []
    size = 0
    for one in waiting:
        if batch and (len(batch) == MOST_AT_ONCE or size + len(one.entry.payload) > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += len(one.entry.payload)
    if batch:
        yield batch


def _name_of(batch: list[Waiting]) -> str:
    text = "\n".join(f"{waiting.stamp} {waiting.entry.eid}" for waiting in batch)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
