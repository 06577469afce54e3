"""The legacy upload: one request, many events."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from leadrelay.gateway import upload
from leadrelay.gateway.limits import MOST_UPLOAD, MOST_UPLOADS
from leadrelay.gateway.reading import UPLOADS, check_fields, check_head, event_of, visitor_of
from leadrelay.gateway.rules import SECRET_HEADER
from leadrelay.gateway.tracking import ACCEPTED
from leadrelay.ids import new_eid
from leadrelay.serving.asgi import TEXT, Refused, Reply, header_of
from leadrelay.trackapi.forms import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadrelay.event import Event
    from leadrelay.gateway.bodies import Bodies
    from leadrelay.gateway.counts import Counts
    from leadrelay.gateway.intake import Intake
    from leadrelay.gateway.reading import Visitor
    from leadrelay.gateway.rules import Rules
    from leadrelay.serving.asgi import Receive, Scope

_NOT_TAKEN = "-"


class Uploading:
    """Takes uploads.

    Args:
        rules: Who may send what.
        intake: The way to the queue.
        bodies: Of all requests.
        counts: Of this gateway.
    """

    def __init__(self, rules: Rules, intake: Intake, bodies: Bodies, counts: Counts) -> None:
        """See the class."""
        self._rules = rules
        self._intake = intake
        self._bodies = bodies
        self._counts = counts
        self._under_way = 0

    async def upload(self, scope: Scope, receive: Receive) -> Reply:
        """Take a file, and answer with an id a line once all are safe; `-` for a line that is not taken.

        Raises:
            Refused: It is no upload, or no line of it is taken.
            NotAccepted: As far as is known not all are safe; the same upload may come again.
            Gone: It did not come whole.
        """
        headers = scope["headers"]
        check_head(scope["method"], UPLOADS, len(scope["raw_path"]) + len(scope["query_string"]))
        self._rules.check_secret(header_of(headers, SECRET_HEADER), parameters(scope["query_string"]))
        async with self._bodies.read(receive, MOST_UPLOAD) as body:
            with self._turn():
                lines = upload.lines_of(header_of(headers, b"content-type").decode("latin-1"), body)
                return self._answer(await self._accepted(lines, visitor_of(scope, self._rules)))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Count an upload while it is taken: not while it comes, which may be slow."""
        if self._under_way == MOST_UPLOADS:
            raise Refused(503, "too many uploads at a time (a limit of ours)")
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1

    async def _accepted(self, lines: list[bytes], visitor: Visitor) -> list[str]:
        """Give each line's id once all are safe."""
        eids = list(upload.eids_of(lines, visitor.agent))
        events: list[Event | None] = []
        under_way = []
        for here in upload.parts_of(lines):
            part = [self._event(line, eid, visitor) for line, eid in zip(lines[here], eids[here], strict=True)]
            events += part
            taken = [event for event in part if event]
            if taken:
                under_way.append(asyncio.ensure_future(self._intake.safe(taken)))
            await asyncio.sleep(0)
        await asyncio.gather(*under_way)
        return [event.eid if event else _NOT_TAKEN for event in events]

    def _answer(self, answered: list[str]) -> Reply:
        refused = answered.count(_NOT_TAKEN)
        self._counts.refused_lines += refused
        if refused == len(answered):
            raise Refused(400, "no line is an event of a dataset of this gateway")
        headers = (*ACCEPTED, (b"leadrelay-refused", b"%d" % refused))
        return Reply(200, "\n".join(answered).encode(), TEXT, headers)

    def _event(self, line: bytes, eid: str | None, visitor: Visitor) -> Event | None:
        try:
            check_fields(line, b"")
            return event_of(upload.params_of(line), visitor, self._rules, eid or new_eid())
        except Refused:
            return None
