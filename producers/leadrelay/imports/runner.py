"""Importing: lines in, events into the queue behind the live ones, each line exactly once."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from leadrelay.errors import BrokerFull, BrokerUnavailable, EnqueueTooLate, InvalidEvent
from leadrelay.ids import derived_eid
from leadrelay.imports.rejected import RejectedLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from leadrelay.client import Client
    from leadrelay.event import Event
    from leadrelay.imports.journal import Journal

#: Events per call; the journal is written as often.
BATCH = 500
#: Seconds for which a broker that is away or full is waited for before the import gives up.
PATIENCE_S = 300.0
#: Seconds that one call may take: an import is in no hurry.
_BUDGET_S = 10.0


@dataclass
class Imported:
    """What an import did: counts of lines, and the rejected ones by number and reason."""

    lines: int = 0
    imported: int = 0
    known: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)


class Importer:
    """Imports the lines of one source.

    Args:
        client: Where events go.
        parse: One line to the arguments of an event; raises RejectedLine.
        journal: What was imported before.
        extra: More wire parameters for each event (an identity, a dataset).
        on_progress: Called after each batch.
        on_wait: Called with the reason when the broker makes the import wait.
    """

    def __init__(
        self,
        client: Client,
        parse: Callable[[str], Mapping[str, Any]],
        journal: Journal,
        extra: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        on_progress: Callable[[Imported], None] = lambda _: None,
        on_wait: Callable[[str], None] = lambda _: None,
    ) -> None:
        """See the class."""
        self._client, self._parse, self._journal, self._extra = client, parse, journal, extra
        self._on_progress, self._on_wait = on_progress, on_wait
        self._repeats: Counter[bytes] = Counter()
        self.done = Imported()

    def run(self, lines: Iterable[bytes]) -> Imported:
        """Import every line; identical lines of one source are different events."""
        batch: list[Event] = []
        for number, raw in enumerate(lines, 1):
            line = raw.rstrip(b"\r\n")
            self.done.lines = number
            if not line.strip():
                continue
            event = self._event(number, line)
            if event is not None:
                batch.append(event)
            if len(batch) >= BATCH:
                self._enqueue(batch)
                batch = []
        self._enqueue(batch)
        return self.done

    def _event(self, number: int, line: bytes) -> Event | None:
        eid = self._eid(line)
        try:
            named = dict(self._parse(line.decode("utf-8", "replace")))
            named |= self._extra(named)
            event = self._client.make(named.pop("ti"), named, eid)
            event.payload()
        except (RejectedLine, InvalidEvent, TypeError) as error:
            reason = "a property has a name that cannot be used" if isinstance(error, TypeError) else str(error)
            self.done.rejected.append((number, reason))
            return None
        if event.eid == eid and self._journal.known(eid):
            self.done.known += 1
            return None
        return event

    def _eid(self, line: bytes) -> str:
        """Derive the id from the dataset, the line, and how often this source has had the same line before."""
        digest = hashlib.blake2b(line, digest_size=16).digest()
        self._repeats[digest] += 1
        return derived_eid("import", self._client.settings.dataset_id or "", line, str(self._repeats[digest]))

    def _enqueue(self, batch: list[Event]) -> None:
        if not batch:
            return
        end, wait = time.monotonic() + PATIENCE_S, 0.1
        while True:
            try:
                self._client.track(batch, bulk=True, budget_s=_BUDGET_S)
                break
            except (BrokerUnavailable, BrokerFull, EnqueueTooLate) as error:
                if time.monotonic() + wait > end:
                    raise
                self._on_wait(str(error))
                time.sleep(wait)
                wait = min(5.0, wait * 2)
        self._journal.add(event.eid for event in batch)
        self.done.imported += len(batch)
        self._on_progress(self.done)
