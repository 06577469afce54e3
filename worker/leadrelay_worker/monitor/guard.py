"""Who may look and who may act.

Flower's own check of forged requests ends at once when no login is configured, its read-only mode does not know added
pages, and `FLOWER_UNAUTHENTICATED_API` lets other origins read. So each of our pages checks for itself:

=================== ================================================================================================
a login             when one is configured (`--basic_auth`, `--auth`), for everything but style and script files
the name in `Host`  when none is: a page of another name that resolves to us (DNS rebinding) reads and does nothing
the origin          of every POST is this one, and it carries the token that a page of ours was given
read-only mode      refuses whatever `acts`
=================== ================================================================================================
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flower import views
from flower.views import BaseHandler
from tornado.routing import Matcher
from tornado.web import HTTPError, RequestHandler

if TYPE_CHECKING:
    from collections.abc import Collection

    from tornado.httputil import HTTPServerRequest

#: Names of this machine in `Host`: nobody else can make a browser send them to us.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: In the audit when nobody logged in.
NOBODY = "monitor"

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def _same_login(stored: str, given: str) -> bool:
    return hmac.compare_digest(stored.encode("utf-8", "surrogateescape"), given.encode())


#: Flower compares texts, which ends in an error (500) as soon as one of them is not ASCII.
views.hmac = SimpleNamespace(compare_digest=_same_login)


def has_login(options: Any) -> bool:
    """Tell whether Flower's options ask for a login."""
    return bool(options.basic_auth or options.auth)


def refusal_to_listen(options: Any, hosts: Collection[str]) -> str | None:
    """Say why a monitor with these options must not listen; None when it may.

    Args:
        options: Flower's.
        hosts: `LEADRELAY_MONITOR_HOSTS`.
    """
    if options.persistent:
        return (
            "--persistent keeps tasks in a file of pickles, and whoever can write that file can run code here: leave "
            "it out; what became of events is kept by workers (`leadrelay trace`)"
        )
    if any(not all(login.partition(":")[::2]) for login in options.basic_auth or ()):
        return "a login without a name or a password lets everybody in: --basic_auth=NAME:PASSWORD, both not empty"
    if has_login(options) or options.unix_socket or options.address in LOOPBACK or hosts:
        return None
    where = options.address or "every interface"
    return (
        f"listening on {where} without a login would let everybody there pause, replay and drop: set --basic_auth="
        "NAME:PASSWORD or --auth, or listen on 127.0.0.1; if something in front of it asks for a login, name the "
        "hosts under which it is reached in LEADRELAY_MONITOR_HOSTS"
    )


class StrangeHost(Matcher):  # type: ignore[misc] # Tornado is not checked
    """Matches requests whose `Host` is none of ours."""

    def __init__(self, hosts: Collection[str]) -> None:
        """Take `hosts`, and the names of this machine, for ours."""
        self._hosts = LOOPBACK | set(hosts)

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """Match when nobody who is meant to comes here by this name."""
        return None if request.host_name.strip("[]").lower() in self._hosts else {}


class Refused(RequestHandler):  # type: ignore[misc] # as above
    """Answers what `StrangeHost` matches."""

    def prepare(self) -> None:
        """Refuse every method."""
        self.set_status(403)
        self.finish(
            "This monitor has no login, so it answers under the names of this machine alone (localhost). If something "
            "in front of it asks for a login, set LEADRELAY_MONITOR_HOSTS to the name in the address.\n"
        )

    def check_xsrf_cookie(self) -> None:
        """Leave it to `prepare`."""


class Guarded(BaseHandler):  # type: ignore[misc] # Flower is not typed
    """A page or an answer of ours; `acts` when it changes something."""

    acts = False

    def set_default_headers(self) -> None:
        """Keep answers out of caches, frames and other origins."""
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def options(self, *_: str) -> None:
        """Refuse: nobody else may ask what they may do."""
        raise HTTPError(405)

    def check_xsrf_cookie(self) -> None:
        """Let only a page of ours post: by its origin and by its token, with a login or without."""
        if not _same_origin(self.request):
            raise HTTPError(403, "this came from another origin")
        RequestHandler.check_xsrf_cookie(self)

    def prepare(self) -> None:
        """Ask for a login, and refuse acts in read-only mode."""
        if not self.current_user:
            self.turn_away()
        elif self.acts and self.application.options.read_only:
            raise HTTPError(403, "this monitor is read-only (--read_only)")

    def turn_away(self) -> None:
        """Answer somebody who has not logged in."""
        raise HTTPError(403, "log in first")

    @property
    def operator(self) -> str:
        """Who acts, for the audit."""
        if self.application.options.auth:
            return _one_word(self.current_user)
        scheme, _, given = self.request.headers.get("Authorization", "").partition(" ")
        if self.application.options.basic_auth and scheme == "Basic":
            return _one_word(b64decode(given).decode().partition(":")[0])
        return NOBODY


def _same_origin(request: HTTPServerRequest) -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site:
        return bool(site == "same-origin")
    return not origin or urlsplit(origin).netloc == request.host


def _one_word(name: str) -> str:
    return "_".join(name.split()) or NOBODY
