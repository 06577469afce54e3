"""The two kinds of what we serve: pages, which hold no data, and answers in JSON."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from leadrelay.errors import BrokerUnavailable, InvalidEvent, LeadrelayError
from redis.exceptions import RedisError
from tornado.web import HTTPError, StaticFileHandler

from leadrelay_worker.monitor.failures import log_failure
from leadrelay_worker.monitor.guard import Guarded
from leadrelay_worker.monitor.jobs import Busy

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from leadrelay.queue import DeadLetters, Queue

    from leadrelay_worker.monitor.jobs import Job, Jobs

#: Bytes of a request: above what an event may have (64 KiB).
MOST_BYTES = 256 * 1024
#: Errors whose text is written for the user, and the status that they come with.
_SAID = ((InvalidEvent, 422), (BrokerUnavailable, 503), (LeadrelayError, 409), (Busy, 429))
_TOLD = (LeadrelayError, Busy, RedisError)


class Page(Guarded):
    """A page: the template named by its route, in Flower's frame."""

    def initialize(self, template: str) -> None:
        """Take the template of the route."""
        self._template = template

    def get(self, *_: str) -> None:
        """Show it."""
        self.render(self._template, read_only=self.application.options.read_only)

    def turn_away(self) -> None:
        """Send somebody who has not logged in to Flower's login."""
        self.redirect(f"{self.get_login_url()}?next={quote(self.request.path)}")


class Answer(Guarded):
    """An answer in JSON; an error is ``{"error": "…"}`` with a sentence for people."""

    @property
    def letters(self) -> DeadLetters:
        """The dead letters of this monitor's queue."""
        letters: DeadLetters = self.application.letters
        return letters

    @property
    def queue(self) -> Queue:
        """This monitor's queue."""
        return self.letters.queue

    @property
    def jobs(self) -> Jobs:
        """This monitor's jobs."""
        jobs: Jobs = self.application.jobs
        return jobs

    def body(self) -> dict[str, Any]:
        """Read the request's JSON object."""
        if len(self.request.body) > MOST_BYTES:
            raise HTTPError(413, f"the request has {len(self.request.body)} bytes; at most {MOST_BYTES}")
        try:
            found = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise HTTPError(400, "the request is no JSON object")
        return found

    async def answer(self, work: Callable[..., Any], *args: Any) -> None:
        """Answer with what `work` gives, in a thread: it may ask the broker."""
        loop = asyncio.get_running_loop()
        try:
            self.finish_with(await loop.run_in_executor(self.application.readers, work, *args))
        except _TOLD as error:
            raise said(error) from None

    def finish_with(self, document: Any) -> None:
        """Send a document."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(document, ensure_ascii=False))

    def begin(self, kind: str, name: str, work: Callable[[Job], Any]) -> None:
        """Begin a job and answer with it; one that only reads may be joined."""
        try:
            self.finish_with(self.jobs.start(kind, name, self.operator, work, join=not self.acts).document())
        except Busy as busy:
            raise said(busy) from None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong; of an error that nobody expected, only where to look."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        told = error.get_message() if isinstance(error, HTTPError) else None
        if status_code == 401:  # noqa: PLR2004 - as Flower answers
            self.set_header("WWW-Authenticate", 'Basic realm="flower"')
        self.finish_with({"error": told or f"it failed ({status_code}); see the monitor's log"})

    def log_exception(self, kind: Any, error: Any, trace: TracebackType | None) -> None:
        """Log where it failed, without the message of the exception: it may quote what a user sent."""
        del kind, trace
        if not isinstance(error, HTTPError):
            log_failure(f"{self.request.method} {self.request.path}", error)


class Files(StaticFileHandler):  # type: ignore[misc] # Tornado is not checked
    """Our scripts and styles; a browser asks each time whether they changed, so that an upgrade shows at once."""

    def set_extra_headers(self, path: str) -> None:
        """Let them be kept, but not used unasked."""
        del path
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Content-Type-Options", "nosniff")


def said(error: Exception) -> HTTPError:
    """Give the answer to an error whose text is written for the user."""
    for kind, status in _SAID:
        if isinstance(error, kind):
            return HTTPError(status, str(error))
    return HTTPError(503, f"the broker refused to answer ({type(error).__name__})")
