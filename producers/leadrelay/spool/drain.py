"""Draining: from the spool into the queue, in order, by one process of a home at a time."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.entry import batches
from leadrelay.home import locked
from leadrelay.spool.journal import Journal
from leadrelay.spool.reader import ended, merged, newest
from leadrelay.spool.stamps import Stamps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from leadrelay.entry import Entry
    from leadrelay.spool.folder import Folder
    from leadrelay.spool.reader import Waiting

    #: Enqueues a batch under the name of its source and its own; raises NotAccepted.
    Send = Callable[[Sequence[Entry], str, str], object]
    #: Gives the name of the last batch that the queue accepted from a source; raises NotAccepted.
    LastBatch = Callable[[str], str]
    #: Gives what is sent in place of an event that waited; raises NotAccepted.
    SentAs = Callable[[Waiting], Entry]

logger = logging.getLogger(__name__)

#: Ends the name of a segment that its owner does not use any more.
_RETIRED = ".retired"


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
        sent_as: What is sent of an event, default the event.
    """

    def __init__(
        self,
        folder: Folder,
        send: Send,
        last_batch: LastBatch,
        progress: Callable[[Drained], object] | None = None,
        sent_as: SentAs = lambda waiting: waiting.entry,
    ) -> None:
        """See the class."""
        self._folder, self._send, self._last_batch, self._sent_as = folder, send, last_batch, sent_as
        self._progress = progress or (lambda _: None)
        self._done = Drained()
        self._damaged: set[tuple[Path, int]] = set()

    def run(self, until: float = float("inf")) -> Drained:
        """Drain until nothing waits, or the monotonic time `until` is past (at least one batch is sent).

        Raises:
            NotAccepted: The broker is away or full again; what was accepted is noted.
            OSError: The spool cannot be read, or its journal not written.
        """
        self._done = Drained()
        if self._folder.waits:
            self._folder.made_for(lambda: self._alone(until))
        return self._done

    def _alone(self, until: float) -> None:
        with locked(self._folder.lock, wait=False) as alone:
            self._done.alone = alone
            if alone:
                self._run(until)

    def _run(self, until: float) -> None:
        journal = Journal(self._folder)
        journal.settle(self._last_batch(journal.source))
        stamps = Stamps(self._folder)
        try:
            while (self._round(journal, stamps.draw(), until) or self._lifted(stamps)) and time.monotonic() < until:
                pass
        finally:
            journal.close()

    def _lifted(self, stamps: Stamps) -> bool:
        """See that stamps are drawn above those of what waits: else, once clock and base are lost, it would stay."""
        highest = newest(self._folder)
        if highest < stamps.draw():
            return False
        stamps.renew(highest)
        return True

    def _round(self, journal: Journal, below: int, until: float) -> int:
        """Send what has a stamp up to `below`, and take away the segments that have ended; gives how many were sent."""
        before = self._done.events
        waiting = merged(self._folder, journal.done, below, self._damage)
        for batch in batches(waiting, lambda one: len(one.entry.payload)):
            self._move(journal, batch)
            if time.monotonic() >= until:
                return self._done.events - before
        for name in self._folder.waiting():
            with contextlib.suppress(PermissionError, FileNotFoundError):  # another user's; removed by hand
                self._retire(journal, name)
        self._folder.empty()
        return self._done.events - before

    def _retire(self, journal: Journal, name: str) -> None:
        """Take a segment away in which nothing waits any more.

        First its name changes, by which its owner knows not to use it any more; what was written before that is read
        now, in the next round if there is anything.
        """
        path = self._folder.segments / name
        at = journal.done.get(name, 0)
        if not ended(self._folder, name, at):
            return
        if not name.endswith(_RETIRED):
            journal.renamed(name, f"{name}{_RETIRED}")
            path = path.rename(f"{path}{_RETIRED}")
            if not ended(self._folder, path.name, at):
                return
        kept = self._kept(name)
        if any(kept == damaged for damaged, _ in self._damaged) and not kept.exists():
            path.replace(kept)
        else:
            path.unlink()

    def _move(self, journal: Journal, batch: list[Waiting]) -> None:
        after = dict(journal.done)
        after.update((waiting.segment, waiting.end) for waiting in batch)
        digest = _name_of(batch)
        journal.begin(after, digest)
        self._send([self._sent_as(waiting) for waiting in batch], journal.source, digest)
        journal.accepted()
        self._done.events += len(batch)
        self._progress(self._done)

    def _kept(self, name: str) -> Path:
        """Give where a segment is kept that is damaged."""
        return self._folder.path / f"{name.removesuffix(_RETIRED)}.damaged"

    def _damage(self, name: str, start: int, end: int) -> None:
        kept = self._kept(name)
        if (kept, start) in self._damaged:  # each round meets it again
            return
        self._damaged.add((kept, start))
        with contextlib.suppress(OSError):  # now: the drain that takes the segment away may be another one
            os.link(self._folder.segments / name, kept)
        self._done.damaged_bytes += end - start
        logger.error("the spool is damaged: %d bytes of %s are no events; the file is kept", end - start, name)


def _name_of(batch: list[Waiting]) -> str:
    text = "\n".join(f"{waiting.stamp} {waiting.entry.eid}" for waiting in batch)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
