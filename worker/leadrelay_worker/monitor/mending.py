"""Acting on dead letters: one edited, replayed or dropped; all that match replayed or dropped, as jobs."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from leadrelay.queue.audit import of_letter
from leadrelay.queue.replay import Plan, read_records, run
from leadrelay.queue.selection import described, id_of
from leadrelay.revise import revise
from tornado.web import HTTPError

from leadrelay_worker.monitor.answers import Answer
from leadrelay_worker.monitor.letters import found, selection_of
from leadrelay_worker.monitor.reading import because_of, filters_of, rate_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.queue import DeadLetters, Selection

    from leadrelay_worker.monitor.jobs import Job


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
