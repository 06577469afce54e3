"""The Track API: one request, one event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadrelay.gateway.limits import MOST_FORM
from leadrelay.gateway.reading import FORMS, check_fields, check_form, check_head, event_of, visitor_of
from leadrelay.gateway.rules import SECRET_HEADER
from leadrelay.ids import new_eid
from leadrelay.serving.asgi import Reply, header_of
from leadrelay.trackapi.answers import render_answer
from leadrelay.trackapi.forms import as_mail_pixel, parameters

if TYPE_CHECKING:
    from leadrelay.gateway.bodies import Bodies
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
        bodies: Of all requests.
    """

    def __init__(self, rules: Rules, intake: Intake, bodies: Bodies) -> None:
        """See the class."""
        self._rules = rules
        self._intake = intake
        self._bodies = bodies

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
        async with self._bodies.read(receive, MOST_FORM) as body:
            check_fields(query, body)
            return parameters(query, body)

    async def _accepted(self, scope: Scope, params: dict[str, str]) -> Reply:
        """Answer with the event's id, once it is safe."""
        self._rules.check_secret(header_of(scope["headers"], SECRET_HEADER), params)
        event = event_of(params, visitor_of(scope, self._rules), self._rules, new_eid())
        await self._intake.safe([event])
        made = render_answer(event.eid, params)
        return Reply(200, made.body, made.content_type.encode(), ACCEPTED)
