"""Dead letters: events that cannot be delivered, kept with their reason until someone decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.queue import scripts
from leadrelay.queue.core import MOST_AT_ONCE
from leadrelay.queue.letter import DeadLetter, broken_letter, parse_dead
from leadrelay.queue.message import UnreadableMessageError
from leadrelay.queue.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leadrelay.queue.core import Queue
    from leadrelay.queue.message import Entry

#: Letters read or moved in one call: bounds how long it holds the broker (about 5 ms).
BATCH = 500

#: When a letter died and its number: a place in the order of death that stays true when others leave.
Place = tuple[int, int]

_EVERYTHING = Selection()
_BEGINNING: Place = (0, 0)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of letters that were to be replayed: back in the queue, or still dead because stale or died again."""

    replayed: int = 0
    stale: int = 0
    again: int = 0

    def __add__(self, other: Replayed) -> Replayed:
        """Give the sums."""
        return Replayed(self.replayed + other.replayed, self.stale + other.stale, self.again + other.again)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the letters that match.

    Args:
        letters: In order of death.
        read: How many were looked at for them.
        rest: Where the next page begins, None at the end.
    """

    letters: tuple[DeadLetter, ...]
    read: int
    rest: Place | None


class DeadLetters:
    """The dead letters of a queue; every call raises what `scripts.run` does."""

    def __init__(self, queue: Queue) -> None:
        """Act on `queue`."""
        self.queue = queue

    def select(self, selection: Selection = _EVERYTHING, limit: int | None = None) -> Iterator[DeadLetter]:
        """Yield the dead letters that match, in order of death, read in batches.

        Those that leave meanwhile are left out, and none is passed over because of them; those that die meanwhile
        are not yielded.

        Args:
            selection: Which.
            limit: Most to yield, None for all.
        """
        found = 0
        for part in self._parts_of(selection):
            for letter in self._read(part):
                if found == limit:
                    return
                if selection.matches(letter):
                    found += 1
                    yield letter

    def page(
        self, selection: Selection = _EVERYTHING, after: Place = _BEGINNING, *, most: int, most_read: int = 10 * BATCH
    ) -> Page:
        """Give the next letters that match, without reading all.

        Args:
            selection: Which.
            after: The `rest` of the page before.
            most: Most to give.
            most_read: Most to look at, to the next whole batch.
        """
        found: list[DeadLetter] = []
        read, place = 0, after
        for part in self._parts_of(selection, after):
            for letter in self._read(part):
                if selection.matches(letter):
                    if len(found) == most:
                        return Page(tuple(found), read, place)
                    found.append(letter)
                place = (letter.died_ms, letter.message.seq)
            seq, died = part[-1]
            read, place = read + len(part), (died, seq)
            if read >= most_read:
                return Page(tuple(found), read, place)
        return Page(tuple(found), read, None)

    def show(self, seq_or_eid: str) -> DeadLetter | None:
        """Find one by its sequence number or its eid; None when there is none."""
        if seq_or_eid.isdecimal():
            died = self.call("zscore", self.queue.keys.name("dead_at"), seq_or_eid)
            return next(iter(self._read([(int(seq_or_eid), int(died or 0))])), None)
        return next((letter for letter in self._holding(seq_or_eid) if letter.message.eid == seq_or_eid), None)

    def replay(
        self, seqs: Sequence[int], by: str, *, replay_id: str = "", what: str = "named ones", allow_stale: bool = False
    ) -> Replayed:
        """Put dead letters back into the queue; those of one lane will leave in order of acceptance.

        Args:
            seqs: Which.
            by: Who does it.
            replay_id: The recorded replay that it is a part of; letters that died since it began stay dead.
            what: What it is called in the audit.
            allow_stale: Replay those too that would put older values after newer.

        Raises:
            BrokerFull: Refused from here on; what was replayed before stays so.
        """
        head = (by, replay_id, what, int(allow_stale))
        parts = (Replayed(*map(int, self.queue.run("replay", *head, *part))) for part in _parts(sorted(seqs)))
        return sum(parts, Replayed())

    def drop(self, seqs: Sequence[int], by: str, reason: str, latest_ms: int | None = None) -> int:
        """Drop dead letters for good; gives how many.

        Args:
            seqs: Which.
            by: Who does it.
            reason: Why, for the record.
            latest_ms: Leave those that died later, so that one that was replayed meanwhile is not dropped unseen.
        """
        latest = "" if latest_ms is None else latest_ms
        return sum(int(self.queue.run("drop", by, reason, latest, *part)) for part in _parts(seqs))

    def drop_matching(self, selection: Selection, by: str, reason: str, limit: int | None = None) -> Iterator[int]:
        """Drop what matches and is dead by now, in steps; yields how many were dropped so far, after each.

        Args:
            selection: Which.
            by: Who does it.
            reason: Why, for the record.
            limit: Most, the oldest first.
        """
        latest, dropped = self.queue.now_ms(), 0
        chosen = self.select(selection, limit)
        while batch := [letter.message.seq for letter in islice(chosen, BATCH)]:
            dropped += self.drop(batch, by, reason, latest)
            yield dropped

    def edit(self, seq: int, revision: int, entry: Entry, by: str) -> int:
        """Give one new content under the same eid; gives the new revision.

        Raises:
            LookupError: There is no such dead letter, its record cannot be read, or someone else edited it first.
        """
        new = int(self.queue.run("edit", by, seq, revision, entry.lane or "-", entry.scope, entry.payload))
        if new < 1:
            raise LookupError(f"dead letter {seq} {_NOT_EDITED[new]}")
        return new

    def prune(
        self, reason: str, *, older_than_s: float | None = None, keep: int | None = None, limit: int = BATCH
    ) -> int:
        """Drop the oldest by a policy; gives how many (call again until 0).

        Args:
            reason: The policy, for the record.
            older_than_s: Those that died longer ago.
            keep: Those beyond so many.
            limit: Most in this call.
        """
        age = "" if older_than_s is None else int(older_than_s * 1000)
        return int(self.queue.run("prune", reason, age, "" if keep is None else keep, limit))

    def _holding(self, eid: str) -> Iterator[DeadLetter]:
        """Yield the letters with an id in their records; reading all in full would take thrice as long."""
        field = f" {eid} ".encode()
        for died in self._parts_of(_EVERYTHING):
            records = zip(died, self._records(died), strict=True)
            yield from self._read([entry for entry, record in records if record and field in record])

    def _parts_of(self, selection: Selection, after: Place = _BEGINNING) -> Iterator[Sequence[tuple[int, int]]]:
        """Yield (seq, died ms) of what the times of a selection allow, in batches."""
        low = str(max(selection.since_ms or 0, after[0]))
        latest = self.queue.now_ms() if selection.until_ms is None else min(self.queue.now_ms(), selection.until_ms - 1)
        while died := self._page(low, latest):
            yield from _parts([entry for entry in died if (entry[1], entry[0]) > after])
            low = f"({died[-1][1]}"

    def _page(self, low: str, high: int) -> list[tuple[int, int]]:
        """Give the next (seq, died ms); what died in one ms is never split, so a time is a cursor that stays true."""
        page = self._died(low, high, MOST_AT_ONCE)
        if len(page) < MOST_AT_ONCE:
            return page
        last = page[-1][1]
        return [entry for entry in page if entry[1] < last] or self._died(str(last), last)

    def _died(self, low: str, high: int, most: int | None = None) -> list[tuple[int, int]]:
        part = {} if most is None else {"start": 0, "num": most}
        rows = self.call("zrangebyscore", self.queue.keys.name("dead_at"), low, high, withscores=True, **part)
        return sorted(((int(seq), int(died)) for seq, died in rows), key=lambda entry: (entry[1], entry[0]))

    def _read(self, died: Sequence[tuple[int, int]]) -> list[DeadLetter]:
        records = self._records(died) if died else []
        letters = [
            _letter(seq, record, at) for (seq, at), record in zip(died, records, strict=True) if record is not None
        ]
        lanes = sorted({letter.message.lane for letter in letters if letter.message.lane})
        newest = self._newest(lanes) if lanes else {}
        return [_flagged(letter, newest.get(letter.message.lane, 0)) for letter in letters]

    def _records(self, died: Sequence[tuple[int, int]]) -> list[bytes | None]:
        return list(self.call("hmget", self.queue.keys.name("dead"), [seq for seq, _ in died]))

    def _newest(self, lanes: list[str]) -> dict[str, int]:
        """Give, for each lane, the highest seq that has been delivered or is on its way (as the replay script does)."""
        watched = self.call("hmget", self.queue.keys.name("watched"), lanes)
        heads = self.call("hmget", self.queue.keys.name("lanes"), lanes)
        return {
            lane: max(int((seen or b"0 0").split()[1]), int((head or b"0").split()[0]))
            for lane, seen, head in zip(lanes, watched, heads, strict=True)
        }

    def call(self, command: str, *args: Any, **options: Any) -> Any:
        """Send one command that only reads."""
        try:
            return getattr(self.queue.client, command)(*args, **options)
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error


_NOT_EDITED = {
    0: "does not exist",
    -1: "was edited by someone else: look at it again",
    -2: "cannot be read by this release: if its reason is `newer` upgrade this, else export it, then drop it",
}


def _letter(seq: int, record: bytes, died_ms: int) -> DeadLetter:
    try:
        return parse_dead(record)
    except UnreadableMessageError:
        return broken_letter(seq, record, died_ms)


def _flagged(letter: DeadLetter, newest: int) -> DeadLetter:
    stale = letter.message.stale or newest > letter.message.seq
    return replace(letter, stale=True) if stale else letter


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
