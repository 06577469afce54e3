"""The Track API: one request, one event."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from leadrelay.gateway.limits import MOST_FORM, MOST_IN_MEMORY
from leadrelay.gateway.reading import FORMS, check_fields, check_form, check_head, event_of, visitor_of
from leadrelay.gateway.rules import SECRET_HEADER
from leadrelay.ids import new_eid
from leadrelay.serving.asgi import Refused, Reply, header_of, read_body
from leadrelay.trackapi.answers import render_answer
from leadrelay.trackapi.forms import as_mail_pixel, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadrelay.gateway.intake import Intake
    from leadrelay.gateway.rules import Rules
    from leadrelay.serving.asgi import Headers, Receive, Scope

#: Pages of all origins may send and read.
_ANY_ORIGIN = (b"access-control-allow-origin", b"*")
#: An answer that a cache repeats would be an event that never came.
ACCEPTED: Headers = (_ANY_ORIGIN, (b"cache-control", b"no-store"))
_PREFLIGHT = Reply(
    200,
    b"",
    headers=(
        _ANY_ORIGIN,
        (b"access-control-allow-methods", b"GET, POST"),
        (b"access-control-allow-headers", b"content-type, x-requested-with, " + SECRET_HEADER),
        (b"access-control-max-age", b"86400"),
    ),
)


class Tracking:
    """Takes events.

    Args:
        rules: Who may send what.
        intake: The way to the queue.
    """

    def __init__(self, rules: Rules, intake: Intake) -> None:
        """See the class."""
        self._rules = rules
        self._intake = intake
        self._in_memory = 0

    async def track(self, scope: Scope, receive: Receive) -> Reply:
        """Take an event, and answer in the form that it asks for; raises Refused, NotAccepted, Gone."""
        if scope["method"] == "OPTIONS":
            return _PREFLIGHT
        return await self._accepted(scope, await self._params(scope, receive))

    async def mail_pixel(self, scope: Scope, receive: Receive) -> Reply:
        """Take the event of an e-mail's pixel (facts.md, Responses); raises as `track`."""
        if scope["method"] == "OPTIONS":
            return _PREFLIGHT
        return await self._accepted(scope, as_mail_pixel(await self._params(scope, receive)))

    async def _params(self, scope: Scope, receive: Receive) -> dict[str, str]:
        headers, query = scope["headers"], scope["query_string"]
        check_head(scope["method"], FORMS, len(scope["raw_path"]) + len(query))
        if scope["method"] == "GET":
            check_fields(query, b"")
            return parameters(query)
        check_form(header_of(headers, b"content-type"))
        with self._room_for(header_of(headers, b"content-length")):
            body = await read_body(receive, MOST_FORM)
            check_fields(query, body)
            return parameters(query, body)

    async def _accepted(self, scope: Scope, params: dict[str, str]) -> Reply:
        """Answer with the event's id, once it is safe."""
        self._rules.check_secret(header_of(scope["headers"], SECRET_HEADER), params)
        event = event_of(params, visitor_of(scope, self._rules), self._rules, new_eid())
        await self._intake.safe([event])
        made = render_answer(event.eid, params)
        return Reply(200, made.body, made.content_type.encode(), ACCEPTED)

    @contextmanager
    def _room_for(self, length: bytes) -> Iterator[None]:
        """Keep room for a body while it is read; without a length it may be as long as any."""
        size = min(int(length), MOST_FORM) if length.isdigit() else MOST_FORM
        if self._in_memory + size > MOST_IN_MEMORY:
            raise Refused(503, "too many bodies at a time (a limit of ours)")
        self._in_memory += size
        try:
            yield
        finally:
            self._in_memory -= size
