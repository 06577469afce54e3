"""WSGI: `ContextMiddleware` around an application gives its events what the request tells of the visitor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from wsgiref.util import request_uri

from leadrelay.contexts import alone
from leadrelay.contrib.layer import RequestLayer
from leadrelay.contrib.visitor import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class ContextMiddleware:
    """Lets each request be the context of the events that its handling tracks.

    It ends when the application returns: a body that is streamed afterwards is made outside it.

    Args:
        app: The application.
        identify: Takes the WSGI environment and gives who the visitor is, in wire parameters, like
            ``{"userId": "42"}``; ``{}`` for nobody that is known.
    """

    def __init__(
        self, app: WSGIApplication, identify: Callable[[WSGIEnvironment], Mapping[str, Any]] | None = None
    ) -> None:
        """See the class."""
        self.app = app
        self.identify = identify

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle a request."""
        of, seen = self.identify, environ
        try:
            with alone(RequestLayer(lambda: request_of(seen), (lambda: of(seen)) if of else None)):
                return self.app(environ, start_response)
        finally:
            seen = dict(environ)  # uWSGI puts the next request into the same one, and a thread of this may still track


def request_of(environ: WSGIEnvironment, url: Callable[[], str] | None = None) -> Request:
    """Give a WSGI environment (or Django's `request.META`) as a request.

    Args:
        environ: Of the request.
        url: Gives its URL where a framework knows better.
    """

    def header(name: str) -> str:
        return str(environ.get(f"HTTP_{name.upper().replace('-', '_')}", ""))

    return Request(environ.get("REMOTE_ADDR") or "", header, url or partial(request_uri, environ))
