"""A web request as a layer of `leadrelay.context`: read when its first event is tracked, and not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leadrelay import tracking
from leadrelay.contrib.visitor import told, visitor_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leadrelay.contrib.visitor import Request


class RequestLayer:
    """Gives the wire parameters of one request.

    Args:
        read: Gives the request; called once, if at all.
        identify: The application's word on who the visitor is, in wire parameters; asked for every event, since a
            visitor may log in half-way.
    """

    __slots__ = ("_identify", "_read", "_visitor")

    def __init__(self, read: Callable[[], Request], identify: Callable[[], Mapping[str, Any]] | None = None) -> None:
        """See the class."""
        self._read = read
        self._identify = identify
        self._visitor: Mapping[str, Any] | None = None

    def __call__(self) -> Mapping[str, Any]:
        """Give them."""
        if self._visitor is None:
            self._visitor = told("reading the request", self._visit)
        return {**self._visitor, **told("identify", self._identify)} if self._identify else self._visitor

    def _visit(self) -> dict[str, str]:
        settings = tracking.client().settings
        return visitor_of(self._read(), settings.trusted_proxies, capture_ip=settings.capture_ip)
