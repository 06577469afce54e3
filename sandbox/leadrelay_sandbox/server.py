"""The Track API at ``/`` and `/log`, and the controls under ``/_sandbox/``, as a plain ASGI application.

Plain, without a framework: it is the endpoint of the benchmarks, and its own cost must not hide what they measure.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from leadrelay.serving.asgi import Gone, Refused, Reply, answer, cut, read_body

from leadrelay_sandbox.answering import answered, for_origins, preflight
from leadrelay_sandbox.commits import NotStored
from leadrelay_sandbox.control import PREFIX, control
from leadrelay_sandbox.eids import make_eid
from leadrelay_sandbox.intake import Visitor, take
from leadrelay_sandbox.reading import as_mail_pixel, read
from leadrelay_sandbox.refusing import check_dataset, check_fields, check_head

if TYPE_CHECKING:
    from leadrelay.serving.asgi import Headers, Receive, Scope, Send

    from leadrelay_sandbox.faults import Rule
    from leadrelay_sandbox.reading import Hit
    from leadrelay_sandbox.state import State

#: From here on a fault's status means that the event was not accepted.
_NOT_ACCEPTED = 300
#: Bytes of a bad request's target that are kept.
_LONGEST_LINE = 200


class Dropped(Exception):
    """A fault cut the connection."""


class Sandbox:
    """The application.

    Args:
        state: What was received, and what is set.
    """

    def __init__(self, state: State) -> None:
        """See the class."""
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        try:
            await answer(send, await self._served(scope, receive))
        except Gone:
            pass
        except Dropped:
            await cut(scope, receive)

    async def not_http(self, status: int, reason: str) -> None:
        """Keep that something came which is no HTTP; the protocol has answered it."""
        with suppress(NotStored):
            await self._note(status, reason, "", "")

    async def _served(self, scope: Scope, receive: Receive) -> Reply:
        path = scope["path"]
        try:
            if path == PREFIX or path.startswith(f"{PREFIX}/"):
                return await control(self.state, scope, receive)
            asked = preflight(scope["method"], self.state.choices)
            return for_origins(asked or await self._track(scope, receive), self.state.choices)
        except NotStored as error:
            return Reply(503, f"the sandbox cannot store: {error}".encode())

    async def _track(self, scope: Scope, receive: Receive) -> Reply:
        self.state.store.totals.requests += 1
        method, query, headers = scope["method"], scope["query_string"], dict(scope["headers"])
        try:
            line = len(scope["raw_path"]) + len(query)
            check_head(method, scope["path"], line, headers.get(b"content-type", b""))
            body = await read_body(receive) if method == "POST" else b""
            check_fields(query, body)
            hit = read(method, query, body, self.state.choices)
            visitor = Visitor(headers.get(b"user-agent", b"").decode("latin-1"), (scope["client"] or ("",))[0])
            return await self._hit(as_mail_pixel(hit) if scope["path"] == "/log" else hit, visitor, scope)
        except Refused as refused:
            await self._note(refused.status, refused.reason, method, _line(scope))
            return Reply(refused.status, refused.reason.encode())

    async def _hit(self, hit: Hit, visitor: Visitor, scope: Scope) -> Reply:
        rule = self._fault(hit)
        if rule:
            await asyncio.sleep(rule.delay_s)
            if rule.drop == "before":
                raise Dropped
            if rule.status is not None and rule.status >= _NOT_ACCEPTED:
                return Reply(rule.status, (rule.body or "a fault of the sandbox").encode(), headers=_retry_after(rule))
        eid = await self._accepted(hit, visitor, scope)
        if rule and rule.drop == "after":
            raise Dropped
        status = rule.status if rule and rule.status else 200
        if rule and rule.body is not None:
            return Reply(status, rule.body.encode())
        return answered(eid, hit.params, self.state.choices, status)

    async def _accepted(self, hit: Hit, visitor: Visitor, scope: Scope) -> str:
        """Store an event, or lose it where a switch says so; gives its id once that is written."""
        state, choices, now = self.state, self.state.choices, _now_ms()
        registered = state.registered(hit.params.get("si", ""))
        lost = check_dataset(hit.params, registered=registered, choices=choices)
        if lost is None:
            return await state.commits.durable(
                lambda: take(state.store, hit, visitor, choices, now, registered=registered)
            )
        state.store.totals.discarded += 1
        await self._note(200, lost, hit.method, _line(scope))
        return hit.params.get("eid") or make_eid(choices["eid_form"], now)

    def _fault(self, hit: Hit) -> Rule | None:
        faults = self.state.faults
        if not faults.rules:
            return None
        rule = faults.match(hit.params, time.monotonic(), random.random())  # noqa: S311 - no secret
        self.state.store.totals.faults += rule is not None
        return rule

    async def _note(self, status: int, reason: str, method: str, line: str) -> None:
        store = self.state.store
        await self.state.commits.durable(lambda: store.add_bad(_now_ms(), method, status, reason, line))


def _line(scope: Scope) -> str:
    """Give the request line, shortened."""
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    return f"{scope['method']} {target[:_LONGEST_LINE].decode('latin-1')}{'…' * (len(target) > _LONGEST_LINE)}"


def _now_ms() -> int:
    return int(time.time() * 1000)


def _retry_after(rule: Rule) -> Headers:
    return ((b"retry-after", str(rule.retry_after).encode()),) if rule.retry_after is not None else ()
