"""The dead letters: listed page by page, counted part by part, looked into, edited, replayed, dropped.

No answer reads all of them: with 100,000 that takes seconds. The page asks again from where an answer ended.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from leadrelay.label import shown_title
from leadrelay.queue.audit import of_letter, read_audit
from leadrelay.queue.letter import read_history
from leadrelay.queue.replay import Plan, Survey, read_records, run
from leadrelay.queue.selection import FILTERS, Selection, described, id_of, read_filters
from leadrelay.revise import editable, revise
from tornado.web import HTTPError

from leadrelay_worker.monitor.answers import Answer
from leadrelay_worker.monitor.delivery import rate_of, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.queue import DeadLetter, DeadLetters

    from leadrelay_worker.monitor.jobs import Job

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


class Edit(Answer):
    """Give one letter new content."""

    acts = True

    async def post(self, seq: str) -> None:
        """Edit: ``event``, all its parameters from now on, and the ``revision`` that it was made from."""
        given = self.body()
        event, revision = given.get("event"), given.get("revision")
        if not isinstance(event, dict) or not isinstance(revision, int):
            raise HTTPError(422, "an event is a JSON object of names and values")
        await self.answer(self._edit, int(seq), event, revision)

    def _edit(self, seq: int, event: dict[str, Any], revision: int) -> dict[str, Any]:
        entry = revise(found(self.letters, seq), event, self.application.client)
        try:
            return {"revision": self.letters.edit(seq, revision, entry, self.operator)}
        except LookupError as error:
            raise HTTPError(409, str(error)) from None


class ReplayOne(Answer):
    """Put one letter back into the queue."""

    acts = True

    async def post(self, seq: str) -> None:
        """Replay; ``allow_stale`` puts older values after newer."""
        await self.answer(self._replay, int(seq), bool(self.body().get("allow_stale")))

    def _replay(self, seq: int, allow_stale: bool) -> dict[str, Any]:  # noqa: FBT001 - called by position
        if found(self.letters, seq).wire is None:
            raise HTTPError(409, "it is no event: edit it first")
        done = self.letters.replay([seq], self.operator, what=of_letter(seq), allow_stale=allow_stale)
        if not done.replayed:
            stale = "stale: newer values of the same person went out since"
            raise HTTPError(409, stale if done.stale else "it is gone")
        return asdict(done)


class DropOne(Answer):
    """Drop one letter for good."""

    acts = True

    async def post(self, seq: str) -> None:
        """Drop; ``because`` is recorded."""
        because = because_of(self.body())
        await self.answer(self._drop, int(seq), because)

    def _drop(self, seq: int, because: str) -> dict[str, Any]:
        dropped = self.letters.drop([seq], self.operator, f"{of_letter(seq)}: {because}", self.queue.now_ms())
        if not dropped:
            raise HTTPError(409, "it is gone")
        return {"dropped": dropped}


class Replays(Answer):
    """The recorded replays, and those that this monitor runs."""

    async def get(self) -> None:
        """Answer."""
        await self.answer(self._records)

    def _records(self) -> dict[str, Any]:
        jobs = [job.document() for job in self.jobs.of("replay", "drop")]
        return {"records": [asdict(record) for record in read_records(self.letters)], "jobs": jobs}


class Replay(Answer):
    """Replay all that match, as a job; the same filters go on with a run that was stopped, also by the command line."""

    acts = True

    def post(self) -> None:
        """Begin: ``filters``, ``rate``, ``allow_stale``, and ``of``, how many were counted, for the progress."""
        given = self.body()
        filters, rate = filters_of(given), rate_of(given.get("rate"))
        what = described(filters, None, self.application.client.settings.lane_secret)
        plan = partial(Plan, id=id_of(what), what=what, rate=rate, allow_stale=bool(given.get("allow_stale")))
        of = given.get("of") if isinstance(given.get("of"), int) else None
        self.begin("replay", what, partial(replay, self.letters, filters, plan, self.operator, of))


class Drop(Answer):
    """Drop all that match, as a job."""

    acts = True

    def post(self) -> None:
        """Begin: ``filters``, ``because``."""
        given = self.body()
        filters, because = filters_of(given), because_of(given)
        what = described(filters, None, self.application.client.settings.lane_secret)
        self.begin("drop", what, partial(drop, self.letters, filters, self.operator, because))


def replay(
    letters: DeadLetters, filters: dict[str, str], plan: Callable[[Selection], Plan], by: str, of: int | None, job: Job
) -> dict[str, Any]:
    """Run a replay as a job; gives what came of it."""
    told: dict[str, Any] = {}
    for step in run(letters, plan(selection_of(letters, filters)), by, job.wait):
        told = {**asdict(step.here), "needs_edit": step.needs_edit, "in_run": step.record.replayed, "of": of}
        job.tell(**told)
    return told


def drop(letters: DeadLetters, filters: dict[str, str], by: str, because: str, job: Job) -> dict[str, Any]:
    """Drop all that match as a job; gives how many."""
    dropped = 0
    for dropped in letters.drop_matching(selection_of(letters, filters), by, because):
        job.tell(dropped=dropped)
        if job.stopping:
            break
    return {"dropped": dropped}


def filters_of(given: dict[str, Any]) -> dict[str, str]:
    """Read ``filters`` of a request: texts by their names, without empty ones; raises HTTPError."""
    filters = given.get("filters") or {}
    if not isinstance(filters, dict) or set(filters) - set(FILTERS):
        raise HTTPError(400, f"filters: an object of {', '.join(FILTERS)}")
    written = {name: str(text).strip() for name, text in filters.items() if text and str(text).strip()}
    try:
        read_filters(written, 0)
    except ValueError as error:
        raise HTTPError(422, str(error)) from None
    return written


def place_of(given: dict[str, Any]) -> tuple[int, int]:
    """Read ``after`` of a request: where the answer before ended."""
    after = given.get("after") or (0, 0)
    if not isinstance(after, list | tuple) or [type(part) for part in after] != [int, int]:
        raise HTTPError(400, "after: the `rest` of the answer before")
    return after[0], after[1]


def selection_of(letters: DeadLetters, filters: dict[str, str]) -> Selection:
    """Read filters that `filters_of` has let pass; times are by the broker's clock."""
    return read_filters(filters, letters.queue.now_ms())


def because_of(given: dict[str, Any]) -> str:
    """Read why letters are dropped; raises HTTPError when nothing is said."""
    because = reason_of(given, "because")
    if not because:
        raise HTTPError(422, "because: say why, for the record")
    return because


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
