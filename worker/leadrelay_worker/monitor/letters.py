"""Looking at the dead letters: listed page by page, counted part by part, one of them in full.

No answer reads all of them: with 100,000 that takes seconds. The page asks again from where an answer ended.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from leadrelay.label import shown_title
from leadrelay.queue.audit import read_audit
from leadrelay.queue.letter import read_history
from leadrelay.queue.replay import Survey
from leadrelay.queue.selection import read_filters
from leadrelay.revise import editable
from tornado.web import HTTPError

from leadrelay_worker.monitor.answers import Answer
from leadrelay_worker.monitor.reading import filters_of, place_of

if TYPE_CHECKING:
    from leadrelay.queue import DeadLetter, DeadLetters, Selection

#: Letters of one page.
SHOWN = 50
#: Letters that one answer counts: about 0.2 s.
COUNTED = 5_000
#: Acts of the audit that are looked through for one letter.
_ACTS_READ = 10_000


class Listing(Answer):
    """A page of the letters that match; by POST, since a filter may name a user."""

    async def post(self) -> None:
        """Answer from `after` on."""
        given = self.body()
        await self.answer(self._page, filters_of(given), place_of(given))

    def _page(self, filters: dict[str, str], after: tuple[int, int]) -> dict[str, Any]:
        page = self.letters.page(selection_of(self.letters, filters), after, most=SHOWN)
        return {"letters": [summary(letter) for letter in page.letters], "read": page.read, "rest": page.rest}


class Counts(Answer):
    """Counts of a part of the letters that match, to be added up by the page."""

    async def post(self) -> None:
        """Answer from `after` on."""
        given = self.body()
        await self.answer(self._count, filters_of(given), place_of(given))

    def _count(self, filters: dict[str, str], after: tuple[int, int]) -> dict[str, Any]:
        page = self.letters.page(selection_of(self.letters, filters), after, most=COUNTED, most_read=COUNTED)
        found = Survey()
        for letter in page.letters:
            found.add(letter)
        titles: dict[str, int] = {}
        for title, number in found.by_title.items():
            titles[shown_title(title)] = titles.get(shown_title(title), 0) + number
        return {**vars(found), "by_title": titles, "read": page.read, "rest": page.rest}


class Content(Answer):
    """One letter with its attempts, its history and what it holds: personal data."""

    async def get(self, seq: str) -> None:
        """Answer."""
        await self.answer(in_full, self.letters, int(seq))


def selection_of(letters: DeadLetters, filters: dict[str, str]) -> Selection:
    """Read filters that `filters_of` has let pass; times are by the broker's clock."""
    return read_filters(filters, letters.queue.now_ms())


def found(letters: DeadLetters, seq: int) -> DeadLetter:
    """Give a letter; raises HTTPError when there is none."""
    letter = letters.show(str(seq))
    if letter is None:
        raise HTTPError(404, f"no dead letter {seq}: it was replayed or dropped")
    return letter


def summary(letter: DeadLetter) -> dict[str, Any]:
    """Describe a letter without personal data."""
    message = letter.message
    return {
        "seq": message.seq,
        "eid": message.eid,
        "title": shown_title(letter.title),
        "reason": letter.reason,
        "died": letter.died_ms,
        "accepted": message.accepted_ms,
        "attempts": message.attempts,
        "last_outcome": letter.last_outcome,
        "revision": message.revision,
        "replays": message.replays,
        "stale": letter.stale,
        "needs_edit": letter.wire is None,
    }


def in_full(letters: DeadLetters, seq: int) -> dict[str, Any]:
    """Describe a letter with its attempts, who did what to it, what it holds, and what an edit starts from."""
    letter = found(letters, seq)
    acts = (act for act in islice(read_audit(letters.queue), _ACTS_READ) if act.concerns(seq))
    return {
        **summary(letter),
        "history": read_history(letter.message.history),
        "acts": [asdict(act) for act in acts],
        "content": letter.content(),
        "editable": editable(letter) if letter.readable else None,
    }
