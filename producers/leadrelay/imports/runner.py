"""Importing: records in, events into the queue behind the live ones, each record exactly once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.entry import MOST_BYTES
from leadrelay.errors import BrokerFull, BrokerUnavailable, EnqueueTooLate, InvalidEvent
from leadrelay.imports.record import UTF_8, RejectedLine
from leadrelay.imports.shape import time_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from leadrelay.client import Client
    from leadrelay.imports.check import Ages
    from leadrelay.imports.journal import Journal
    from leadrelay.imports.record import Record
    from leadrelay.imports.rejects import Rejects
    from leadrelay.imports.shape import Shape
    from leadrelay.queue.core import Receipt
    from leadrelay.queue.message import Entry

#: Events per call; the journal is written as often.
BATCH = 500
#: Seconds for which a broker that is away or full is waited for before the import gives up.
PATIENCE_S = 300.0
#: Seconds that one call may take: an import is in no hurry.
_BUDGET_S = 10.0


@dataclass
class Imported:
    """What an import did: records read, imported now, and known already; the rest was rejected."""

    lines: int = 0
    imported: int = 0
    known: int = 0
    iso_8859_1: int = 0


@dataclass(frozen=True)
class Watch:
    """Who is told what happens meanwhile.

    Args:
        progress: After each record.
        old: With the number of the first old record, before it is sent; may raise to end the import.
        wait: With the reason when the broker makes the import wait, and with ``""`` when it goes on.
    """

    progress: Callable[[Imported], None] = lambda _: None
    old: Callable[[int], None] = lambda _: None
    wait: Callable[[str], None] = lambda _: None


class Importer:
    """Imports the records of one source.

    Args:
        client: Where events go.
        journal: What was imported before.
        shape: How a record becomes an event.
        rejects: Where the others go.
        ages: Counts old records.
        rate: Most events a second, None for as fast as it goes.
        watch: Who is told.
    """

    def __init__(
        self,
        client: Client,
        journal: Journal,
        shape: Shape,
        rejects: Rejects,
        ages: Ages,
        *,
        rate: float | None = None,
        watch: Watch | None = None,
    ) -> None:
        """See the class."""
        self._client, self._journal, self._shape, self._rejects, self._ages = client, journal, shape, rejects, ages
        self._rate, self._watch = rate, watch or Watch()
        self._most = max(1, min(BATCH, int(rate))) if rate else BATCH
        self._started, self._sent = time.monotonic(), 0
        self._batch: list[tuple[str, Entry]] = []
        self._bytes = 0
        self.done = Imported()

    def run(self, records: Iterable[Record]) -> Imported:
        """Import every record; equal ones of one source are different events.

        Raises:
            NotAccepted: The broker stayed away or full for `PATIENCE_S`; what was accepted is in the journal.
        """
        self._journal.settle(self._client.queue.last_batch(self._journal.name))
        for record in records:
            self._take(record)
            self._watch.progress(self.done)
        self._send()
        return self.done

    def _take(self, record: Record) -> None:
        self.done.lines += 1
        self.done.iso_8859_1 += record.charset != UTF_8
        try:
            named = self._shape.named(record.read())
            line = self._shape.id_of(named, record.key, self._journal.met(record.key))
            if self._journal.known(line):
                self.done.known += 1
                return
            at = time_of(named)
            entry = self._client.entry(self._shape.event(named, line))
            old = self._ages.note(at)
        except (RejectedLine, InvalidEvent) as error:
            self._rejects.add(record, str(error))
            return
        if old and self._ages.count == 1:
            self._watch.old(record.number)
        self._add(line, entry)

    def _add(self, line: str, entry: Entry) -> None:
        if self._batch and self._bytes + len(entry.payload) > MOST_BYTES:
            self._send()
        self._batch.append((line, entry))
        self._bytes += len(entry.payload)
        if len(self._batch) >= self._most:
            self._send()

    def _send(self) -> None:
        if not self._batch:
            return
        lines = [line for line, _ in self._batch]
        receipts = self._accepted([entry for _, entry in self._batch], lines)
        self._journal.accepted()
        known = sum(receipt.duplicate for receipt in receipts)
        self.done.known += known
        self.done.imported += len(receipts) - known
        self._sent += len(lines)
        self._batch, self._bytes = [], 0
        self._keep_rate()

    def _accepted(self, entries: list[Entry], lines: list[str]) -> list[Receipt]:
        """Send a batch until it is accepted; the queue recognises it if it already was."""
        batch = self._journal.begin(lines)
        end, wait = time.monotonic() + PATIENCE_S, 0.1
        while True:
            try:
                receipts = self._client.import_batch(entries, batch, _BUDGET_S)
            except (BrokerUnavailable, BrokerFull, EnqueueTooLate) as error:
                if time.monotonic() + wait > end:
                    raise
                self._watch.wait(str(error))
                time.sleep(wait)
                wait = min(5.0, wait * 2)
            else:
                self._watch.wait("")
                return receipts

    def _keep_rate(self) -> None:
        if self._rate:
            time.sleep(max(0.0, self._started + self._sent / self._rate - time.monotonic()))
