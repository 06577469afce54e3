"""ASGI (FastAPI, Starlette, …): `ContextMiddleware` gives events what the request tells of the visitor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from leadrelay.contexts import alone
from leadrelay.contrib.layer import RequestLayer
from leadrelay.contrib.visitor import Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Characters of a path that need no escape (RFC 3986, pchar).
_PATH = "/:@!$&'()*+,;=~"


class ContextMiddleware:
    """Lets each request be the context of the events that its handling tracks, background tasks of it too.

    `app.add_middleware(ContextMiddleware)` in FastAPI and Starlette.

    Args:
        app: The application.
        identify: Takes the scope and gives who the visitor is, in wire parameters, like ``{"userId": "42"}``; ``{}``
            for nobody that is known. It is called on the event loop, so it must not wait for anything.
    """

    def __init__(self, app: App, identify: Callable[[Scope], Mapping[str, Any]] | None = None) -> None:
        """See the class."""
        self.app = app
        self.identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, a WebSocket or the lifespan."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        identify = partial(self.identify, scope) if self.identify else None
        with alone(RequestLayer(partial(request_of, scope), identify)):
            await self.app(scope, _outside(receive), _outside(send))


def _outside(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Let a call of the server run outside the request's context.

    What it schedules there would keep it: how the server reads the connection from then on, and so the requests of
    other people that come over it (uvicorn, python/cpython#140947).
    """

    async def called(*args: Any) -> Any:
        with alone():
            return await call(*args)

    return called


def request_of(scope: Scope) -> Request:
    """Give an ASGI scope as a request."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{text}" if name in headers else text
    peer = scope.get("client") or ("",)
    return Request(peer[0], lambda name: headers.get(name, ""), lambda: _url(scope, headers.get("host", "")))


def _url(scope: Scope, host: str) -> str:
    if not host:
        server = scope.get("server") or ("", None)
        host = f"{server[0]}:{server[1]}" if server[1] else ""
    query = scope.get("query_string", b"").decode("latin-1")
    url = f"{scope.get('scheme', 'http')}://{host}{quote(scope['path'], _PATH)}"
    return f"{url}?{query}" if query else url
