"""Forgetting people: sets their tombstones, drops their dead letters, and says what is still to come.

What waits is dropped when it comes up (`leadrelay.forgotten`), so the act costs the queue nothing but being read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay import forgotten
from leadrelay.inbox import call_of, eid_of
from leadrelay.lane import IDENTITIES, identities, normal, tombstone_of
from leadrelay.queue import DeadLetters, scripts
from leadrelay.queue.dead import BATCH
from leadrelay.queue.message import Message, UnreadableMessageError
from leadrelay.queue.people import needle
from leadrelay.queue.verify import everything
from leadrelay.spool.journal import Journal
from leadrelay.spool.reader import read
from leadrelay.times import shown_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from leadrelay.queue import DeadLetter, Queue
    from leadrelay.spool.folder import Folder

    Progress = Callable[[int], None]

#: ms beyond the act that a tombstone covers: longer than a worker takes to hear of it, so that nothing slips through.
_GRACE_MS = 3000
#: Messages between two words of progress, and of the inbox read per command.
_STEP = 1000
#: Dead letters named in a receipt because they mention somebody in a form that cannot be read.
_MOST_NAMED = 100
#: Characters that a text has at least to be sought among bytes: shorter ones are everywhere.
_LEAST = 4


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """An identity to be forgotten, in one dataset or (``""``) in all."""

    name: str
    value: str
    dataset: str = ""

    @classmethod
    def read(cls, text: str, dataset: str = "") -> Person:
        """Read ``NAME=VALUE``.

        Raises:
            ValueError: Says what is wrong, never the value.
        """
        name, equals, value = text.partition("=")
        if not equals or name not in IDENTITIES:
            message = f"expected NAME=VALUE, NAME one of {', '.join(IDENTITIES)}"
            raise ValueError(message)
        name, value = normal(name, value)
        if not value:
            message = f"{text.partition('=')[0]}: nobody is named by this value"
            raise ValueError(message)
        return cls(name, value, dataset)

    def tombstone(self, secret: str) -> str:
        """Give the field of its tombstone."""
        return forgotten.PERSON + tombstone_of(self.name, self.value, secret, self.dataset)

    def is_in(self, wire: Mapping[str, Any], default_dataset: str = "") -> bool:
        """Tell whether an event names it."""
        dataset = str(wire.get("si") or default_dataset)
        return self.dataset in ("", dataset) and (self.name, self.value) in identities(wire)


@dataclass
class Receipt:
    """What was done, and what is pending.

    Args:
        people: Identities named.
        new: Of them, those that had no tombstone yet.
        up_to_ms: Broker time up to which acceptance is covered; of several the earliest.
        kept_days: How long the tombstones are kept.
        dead_dropped: Dead letters dropped now.
        waiting: Events that will be dropped when they come up, by state; ``inbox`` and ``spool`` among them.
        mentioned: Dead letters, by number, that hold the value in a form that cannot be read.
    """

    people: int
    new: int
    up_to_ms: int
    kept_days: int
    dead_dropped: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    mentioned: list[int] = field(default_factory=list)

    @property
    def pending(self) -> int:
        """How many events still wait to be dropped."""
        return self.waiting.total()

    def document(self) -> dict[str, Any]:
        """Give it for ``--json``: nothing of the people in it."""
        return {
            "people": self.people, "new": self.new, "up_to": shown_moment(self.up_to_ms), "kept_days": self.kept_days,
            "dead_dropped": self.dead_dropped, "waiting": dict(self.waiting), "pending": self.pending,
            "mentioned": self.mentioned, "out_of_reach": list(OUT_OF_REACH),
        }  # fmt: skip


#: Where a person's events may be and the act does not reach.
OUT_OF_REACH = (
    "what the endpoint has: ask LeadBoxer to delete it",
    "outbox tables, and files that are imported later",
    "spools of other homes: their drain drops what was spooled before; run this there to see it",
    "damaged files of spools (*.damaged): remove them",
    "the rejected-lines files of imports, and exports of dead letters",
    "backups of the broker and of homes",
    "what has been sent before this moment and is under way",
)


class Forgetting:
    """Forgets people in one queue.

    Args:
        queue: Where.
        secret: `LEADRELAY_LANE_SECRET`.
        dataset: Of messages in the inbox that name none (`LEADRELAY_DATASET_ID`).
        folder: The spool of this home, which is looked at and not changed.
        progress: Told how many messages were read.
    """

    def __init__(self, queue: Queue, secret: str, dataset: str, folder: Folder, progress: Progress) -> None:
        """See the class."""
        self._queue, self._secret, self._dataset, self._folder = queue, secret, dataset, folder
        self._progress = progress

    def run(self, people: Sequence[Person], by: str, *, kept_days: int, again: bool = False) -> Receipt:
        """Forget; done again, it says how far it is and keeps the moment.

        Args:
            people: Whom.
            by: Who does it, for the audit.
            kept_days: How long the tombstones are kept.
            again: Cover what was accepted since the first time too.

        Raises:
            BrokerUnavailable: What was done stays done.
        """
        forgotten.prune(self._queue)
        fields = [person.tombstone(self._secret) for person in people]
        known = forgotten.known(self._queue, fields)
        new = [name for name, at in zip(fields, known, strict=True) if again or at is None]
        self._set(new, kept_days)
        in_inbox = [eid_of(raw) for raw in self._inbox(people)] if new else []
        act = f"{len(people)}\t{by}\tforget\tkept for {kept_days} d" if new else ""
        # Once more, now that the inbox is read: what was adopted meanwhile is covered too.
        self._set([*new, *(forgotten.EVENT + eid for eid in in_inbox)], kept_days, act)
        up_to = min(at or 0 for at in forgotten.known(self._queue, fields))
        receipt = Receipt(len(people), len(set(new)), up_to, kept_days)
        self._bury(people, receipt, by)
        self._count(people, receipt)
        return receipt

    def _set(self, fields: Iterable[str], kept_days: int, act: str = "") -> None:
        now = self._queue.now_ms()
        value = f"{now + _GRACE_MS} {now + kept_days * 86_400_000} {forgotten.check_of(self._secret)}"
        forgotten.write(self._queue, dict.fromkeys(fields, value), act)

    def _inbox(self, people: Sequence[Person]) -> Iterator[bytes]:
        """Yield the raw messages in the inbox that name one of them."""
        for name in self._queue.keys.inbox:
            end = -1
            while chunk := self._rows(name, end):
                end -= len(chunk)
                for raw in chunk:
                    wire = call_of(raw)
                    if any(person.is_in(wire, self._dataset) for person in people):
                        yield raw

    def _rows(self, name: str, end: int) -> list[bytes]:
        try:
            return list(self._queue.client.lrange(name, end - _STEP + 1, end))  # type: ignore[arg-type] # not async
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error

    def _bury(self, people: Sequence[Person], receipt: Receipt, by: str) -> None:
        """Drop their dead letters, those that were edited among them."""
        letters = DeadLetters(self._queue)
        chosen = (letter.message.seq for letter in letters.select() if self._is_theirs(letter, people, receipt))
        while batch := list(islice(chosen, BATCH)):
            receipt.dead_dropped += letters.drop(batch, by, forgotten.REASON)

    def _is_theirs(self, letter: DeadLetter, people: Sequence[Person], receipt: Receipt) -> bool:
        payload, accepted = letter.message.payload, letter.message.accepted_ms
        wire = forgotten.wire_in(payload)
        if accepted <= receipt.up_to_ms and any(person.is_in(wire, self._dataset) for person in people):
            return True
        if not wire and len(receipt.mentioned) < _MOST_NAMED:
            raw = payload.lower()
            if any(len(part := needle(person.value)) >= _LEAST and part in raw for person in people):
                receipt.mentioned.append(letter.message.seq)
        return False

    def _count(self, people: Sequence[Person], receipt: Receipt) -> None:
        """Count what waits."""
        known = forgotten.Forgotten(self._queue, self._secret)
        known.refresh()
        sought = [needle(person.value) for person in people]
        for number, (state, raw) in enumerate(everything(self._queue), 1):
            if state != "dead" and not isinstance(raw, Message) and any(part in raw.lower() for part in sought):
                receipt.waiting[state] += _is_covered(raw, people, known)
            if number % _STEP == 0:
                self._progress(number)
        receipt.waiting["inbox"] += sum(eid_of(raw) in known.eids for raw in self._inbox(people))
        receipt.waiting["spool"] += sum(1 for _ in self._spooled(people, receipt.up_to_ms))
        receipt.waiting = +receipt.waiting

    def _spooled(self, people: Sequence[Person], up_to_ms: int) -> Iterator[str]:
        done = Journal(self._folder).done
        for name in self._folder.waiting():
            for waiting in read(self._folder, name, done.get(name, 0), lambda *_: None):
                wire = forgotten.wire_in(waiting.entry.payload)
                if waiting.stamp // 1_000_000 <= up_to_ms and any(person.is_in(wire) for person in people):
                    yield waiting.entry.eid


def _is_covered(raw: bytes, people: Sequence[Person], known: forgotten.Forgotten) -> bool:
    try:
        message = Message.parse(raw)
    except UnreadableMessageError:
        return False
    wire = forgotten.wire_in(message.payload)
    return known.covers_message(message) and any(person.is_in(wire) for person in people)
