"""The Track API at ``/`` and the controls under ``/_sandbox/``, as a plain ASGI application.

Plain, without a framework: it is the endpoint of the benchmarks, and its own cost must not hide what they measure.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from leadrelay_sandbox.faults import BadRule, Faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from leadrelay_sandbox.faults import Rule
    from leadrelay_sandbox.store import Store

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]
    Headers = list[tuple[bytes, bytes]]

#: Limits are ours, the vendor names none (facts.md, last table).
MOST_LINE = 8 * 1024
MOST_BODY = 1024 * 1024

_TEXT: Headers = [(b"content-type", b"text/plain; charset=utf-8")]
_JSON: Headers = [(b"content-type", b"application/json")]
_GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAICRAEAOw==")
_NUMBER = re.compile(r"\d+(e\d+)?")
_CALLBACK = re.compile(r"[A-Za-z_$][\w$.]{0,127}")


class Dropped(Exception):
    """A fault cut the connection."""


class Sandbox:
    """The application.

    Args:
        store: Where accepted events go.
    """

    def __init__(self, store: Store) -> None:
        """See the class."""
        self.store = store
        self.faults = Faults()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith("/_sandbox/"):
            await self._control(scope, receive, send)
            return
        self.store.requests += 1
        try:
            status, headers, body = await self._track(scope, receive)
        except Dropped:
            scope["extensions"]["leadrelay.cut"]()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        await _answer(send, status, headers, body)

    async def _track(self, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
        refused = refusal(scope)
        if refused:
            return refused
        form = await _body(receive) if scope["method"] == "POST" else b""
        if form is None:
            return 413, _TEXT, b"body too large (a limit of the sandbox)"
        return await self._accept(parameters(scope["query_string"], form))

    async def _accept(self, params: dict[str, str]) -> tuple[int, Headers, bytes]:
        rule = self.faults.match(params, time.monotonic(), random.random()) if self.faults.rules else None  # noqa: S311
        if rule:
            await asyncio.sleep(rule.delay_s)
            if rule.drop == "before":
                raise Dropped
            if rule.status is not None and rule.status >= 300:  # noqa: PLR2004
                return rule.status, _retry_after(rule), (rule.body or "a fault of the sandbox").encode()
        if not params.get("si"):
            return 400, _TEXT, b"si: no dataset id"
        eid = params.get("eid") or new_id()
        self.store.accept(eid, params)
        if rule and rule.drop == "after":
            raise Dropped
        if rule and rule.body is not None:
            return rule.status or 200, _TEXT, rule.body.encode()
        return (rule.status if rule and rule.status else 200), *answer(eid, params)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        what, method = scope["path"].removeprefix("/_sandbox/"), scope["method"]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        reply: Any
        if (method, what) == ("GET", "stats"):
            status, reply = 200, self.store.stats()
        elif (method, what) == ("GET", "events"):
            since, limit = query.get("since", "0"), query.get("limit", "1000")
            if since.isdigit() and limit.isdigit():
                status, reply = 200, self.store.events(int(since), int(limit))
            else:
                status, reply = 400, {"error": "since and limit are whole numbers"}
        elif (method, what) == ("DELETE", "events"):
            self.store.clear()
            status, reply = 200, self.store.stats()
        elif what == "faults" and method in {"GET", "PUT"}:
            status, reply = await self._faults(method, receive)
        else:
            status, reply = 404, {"error": "known: GET stats, GET|DELETE events, GET|PUT faults"}
        await _answer(send, status, _JSON, json.dumps(reply).encode())

    async def _faults(self, method: str, receive: Receive) -> tuple[int, Any]:
        if method == "PUT":
            try:
                self.faults.replace(json.loads(await _body(receive) or b""), time.monotonic())
            except (BadRule, ValueError) as error:
                return 400, {"error": str(error)}
        return 200, {"rules": [_shown(rule) for rule in self.faults.rules]}


def refusal(scope: Scope) -> tuple[int, Headers, bytes] | None:
    """Give the answer to a request that is refused before its body is read."""
    if scope["path"] != "/":
        return 404, _TEXT, b"the Track API is at /"
    if len(scope["raw_path"]) + len(scope["query_string"]) > MOST_LINE:
        return 414, _TEXT, b"request line too long (a limit of the sandbox)"
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return (415, _TEXT, b"send a form, not JSON") if kind.startswith(b"application/json") else None


def parameters(query: bytes, form: bytes) -> dict[str, str]:
    """Read parameters: query before body, the first of a name wins, UTF-8 or else ISO-8859-1 (facts.md)."""
    found: dict[str, str] = {}
    for raw in (query, form):
        if not raw:
            continue
        text = raw.decode("latin-1")
        try:
            pairs = parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="strict")
        except UnicodeDecodeError:
            pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1")
        for name, value in pairs:
            found.setdefault(name, value)
    return found


def answer(eid: str, params: dict[str, str]) -> tuple[Headers, bytes]:
    """Give the answer in the form asked for: `pix` over `callback` over `json` over text (facts.md)."""
    if "pix" in params:
        return [(b"content-type", b"image/gif"), (b"cache-control", b"no-store")], _GIF
    callback = params.get("callback", "")
    if _CALLBACK.fullmatch(callback):
        body = f"{callback}({json.dumps({'eid': eid})});"
        return [(b"content-type", b"application/javascript")], body.encode()
    if "json" in params:
        return _JSON, json.dumps({"eid": eid}).encode()
    return _TEXT, eid.encode()


def new_id() -> str:
    """Give an id that no client reads as a number."""
    while True:
        eid = secrets.token_hex(16)
        if not _NUMBER.fullmatch(eid):
            return eid


def _shown(rule: Rule) -> dict[str, Any]:
    named = {name: getattr(rule, name) for name in rule.__slots__}
    return {name: value for name, value in named.items() if value is not None}


def _retry_after(rule: Rule) -> Headers:
    return [*_TEXT, (b"retry-after", str(rule.retry_after).encode())] if rule.retry_after is not None else _TEXT


async def _body(receive: Receive) -> bytes | None:
    """Read a request's body; None when it is larger than `MOST_BODY`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MOST_BODY:
            return None
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
