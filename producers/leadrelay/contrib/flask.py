"""Flask: `Leadrelay(app)` gives events what the request tells of the visitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leadrelay.contrib.wsgi import ContextMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flask import Flask


class Leadrelay:
    """The extension.

    Args:
        app: The application; or give it to `init_app` later.
        identify: Gives who the visitor is, in wire parameters, like ``{"userId": session["user"]}``; ``{}`` for nobody
            that is known. It is called within the request, so `flask.request`, `session` and `g` are there.
    """

    def __init__(self, app: Flask | None = None, identify: Callable[[], Mapping[str, Any]] | None = None) -> None:
        """See the class."""
        self.identify = identify
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Join an application."""
        identify = self.identify
        app.wsgi_app = ContextMiddleware(  # type: ignore[method-assign]  # Flask's documented place for middleware
            app.wsgi_app, (lambda _: identify()) if identify else None
        )
        app.extensions["leadrelay"] = self
