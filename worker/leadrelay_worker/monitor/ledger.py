"""The ledger: the books as they are, the recount, the audit."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from leadrelay.queue.audit import read_audit
from leadrelay.queue.books import HELD_STATES, read_books
from leadrelay.queue.verify import recount, rewinds
from tornado.web import HTTPError

from leadrelay_worker.monitor.answers import Answer

if TYPE_CHECKING:
    from leadrelay.queue import Queue

    from leadrelay_worker.monitor.jobs import Job

#: Acts of one page of the audit.
ACTS = 50
#: Acts that are kept (`queue.audit`).
_KEPT = 10_000


class State(Answer):
    """The books as they are, and what the witness says."""

    async def get(self) -> None:
        """Answer."""
        await self.answer(state, self.queue)


class Audit(Answer):
    """Who did what, the latest first."""

    async def get(self) -> None:
        """Answer from the act number ``from`` on."""
        start = self.get_argument("from", "0")
        if not start.isdecimal() or int(start) > _KEPT:
            raise HTTPError(400, f"from: a number up to {_KEPT}")
        await self.answer(audit, self.queue, int(start))


class Verify(Answer):
    """Recount every event, as a job; it reads, and changes nothing."""

    def post(self) -> None:
        """Begin."""
        self.begin("recount", "", partial(verify, self.queue))


def state(queue: Queue) -> dict[str, Any]:
    """Give the books and what does not agree in them; errors as `scripts.run`."""
    books = read_books(queue)
    return {
        "now": books.now_ms,
        "ledger": books.ledger(),
        "expected": {name: books.expected[name] for name in HELD_STATES},
        "findings": books.findings(),
        "witness": rewinds(queue, books),
        "epoch": books.epoch,
        "seq": books.seq,
    }


def audit(queue: Queue, start: int) -> dict[str, Any]:
    """Give a page of the audit, and where the next one begins."""
    acts = [asdict(act) for act in islice(read_audit(queue), start, start + ACTS + 1)]
    return {"acts": acts[:ACTS], "rest": start + ACTS if len(acts) > ACTS else None}


def verify(queue: Queue, job: Job) -> dict[str, Any]:
    """Recount as a job."""
    result = recount(queue, lambda read: job.step(read=read))
    findings = [*result.findings, *rewinds(queue, result.books)]
    return {"read": result.messages, "accepted": result.books.accepted, "findings": findings}
