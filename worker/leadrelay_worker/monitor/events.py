"""One event's whole life, and the events of one user; both are searched for in jobs, since a long queue is read."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from itertools import islice
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from leadrelay.label import shown_title
from leadrelay.queue.audit import read_audit
from leadrelay.queue.people import of_user
from leadrelay.queue.selection import hashed
from leadrelay.tracing import trace_event
from tornado.web import HTTPError

from leadrelay_worker.monitor.answers import Answer

if TYPE_CHECKING:
    from leadrelay.history import HistoryFiles
    from leadrelay.queue import Queue
    from leadrelay.queue.people import Held

    from leadrelay_worker.monitor.jobs import Job

#: Characters of an event id or of what names a user.
MOST_CHARACTERS = 500
#: Events of a user that are shown.
MOST_FOUND = 200
_ACTS_READ = 10_000
#: Names searches within this process, so that the same one is not run twice.
_SECRET = token_hex()


class Trace(Answer):
    """Search for one event."""

    def post(self, eid: str) -> None:
        """Begin."""
        self.begin("trace", eid, partial(trace, self.queue, self.application.history, eid))


class OfUser(Answer):
    """Search for the events of a user that wait or are dead; nothing is kept of whose the delivered ones were."""

    def post(self) -> None:
        """Begin: ``user``, by uid, userId, email, sid or the id in otui."""
        user = str(self.body().get("user") or "").strip()
        if not user or len(user) > MOST_CHARACTERS:
            raise HTTPError(422, "user: an id or an address")
        self.begin("search", hashed(user, _SECRET), partial(search, self.queue, user))


def trace(queue: Queue, files: HistoryFiles, eid: str, job: Job) -> dict[str, Any]:
    """Trace an event as a job, and add who did what to it."""
    told = trace_event(queue, files, eid, progress=lambda read: job.step(read=read))
    seq = told["seq"]
    acts = [asdict(act) for act in islice(read_audit(queue), _ACTS_READ) if act.concerns(seq)] if seq else []
    told["says"] = told["says"].partition("; see `")[0]  # that is for the command line
    if told.get("title"):
        told["title"] = shown_title(told["title"])
    return {**told, "acts": acts}


def search(queue: Queue, user: str, job: Job) -> dict[str, Any]:
    """Search for a user as a job; gives no identity."""
    events: list[Held] = []
    read = 0
    for read, found in of_user(queue, user, most_found=MOST_FOUND):
        job.step(read=read)
        if found is not None:
            events.append(found)
    return {
        "events": [
            {"eid": found.message.eid, "seq": found.message.seq, "state": found.state,
             "title": shown_title(found.title), "accepted": found.message.accepted_ms,
             "attempts": found.message.attempts}
            for found in events
        ],
        "read": read,
        "more": len(events) >= MOST_FOUND,
    }  # fmt: skip
