"""The middleware: events that are tracked while a request is handled take what it tells of the visitor."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import SuspiciousOperation

from leadrelay.contexts import alone
from leadrelay.contrib.django import conf
from leadrelay.contrib.layer import RequestLayer
from leadrelay.contrib.wsgi import request_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from django.http import HttpRequest, HttpResponse


class ContextMiddleware:
    """Lets each request be the context of its events; for synchronous and asynchronous projects.

    It ends with the response: a `StreamingHttpResponse` is streamed outside it.

    Raises:
        ConfigurationError: `LEADRELAY["IDENTIFY"]` is no function (at the start).
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """See the class."""
        self.get_response = get_response
        self.identify = conf.identify()
        self.waits = iscoroutinefunction(get_response)
        if self.waits:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponse | Awaitable[HttpResponse]:
        """Handle a request."""
        if self.waits:
            return self._later(request)
        try:
            with self._context(request):
                return self.get_response(request)
        finally:
            request.META = request.environ = dict(request.META)  # as in `contrib.wsgi`

    async def _later(self, request: HttpRequest) -> HttpResponse:
        with self._context(request):
            return await self.get_response(request)

    def _context(self, request: HttpRequest) -> alone:
        identify = partial(self.identify, request) if self.identify else None
        return alone(RequestLayer(lambda: request_of(request.META, partial(_url, request)), identify))


def _url(request: HttpRequest) -> str:
    """Give the request's URL, ``""`` when its host is not one of the project's."""
    try:
        return str(request.build_absolute_uri())
    except SuspiciousOperation:
        return ""
