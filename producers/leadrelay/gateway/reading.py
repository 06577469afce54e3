"""A request to an event; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.errors import InvalidEvent
from leadrelay.event import Event
from leadrelay.gateway.limits import MOST_FIELDS, MOST_LINE
from leadrelay.gateway.rules import SECRET_PARAMETER
from leadrelay.proxies import client_address
from leadrelay.serving.asgi import Refused, header_of
from leadrelay.trackapi.forms import of_event
from leadrelay.trackapi.proxy import is_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.gateway.rules import Rules
    from leadrelay.serving.asgi import Scope

GET, UPLOADS = frozenset({"GET"}), frozenset({"POST"})
FORMS = GET | UPLOADS
_NO_FORMS = (b"application/json", b"multipart/")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request: address and User-Agent, each ``""`` when unknown."""

    address: str
    agent: str


def check_head(method: str, methods: frozenset[str], line: int) -> None:
    """Look at a request before its body is read.

    Args:
        method: Of the request.
        methods: What its path takes.
        line: Bytes of path and query.

    Raises:
        Refused: It is not taken.
    """
    if method not in methods:
        raise Refused(405, f"send {' or '.join(sorted(methods))}")
    if line > MOST_LINE:
        raise Refused(414, f"a request line of more than {MOST_LINE} bytes (a limit of ours)")


def check_form(content_type: bytes) -> None:
    """Look at a body's type: what is neither JSON nor multipart is read as a form; raises Refused."""
    if content_type.lower().startswith(_NO_FORMS):
        raise Refused(415, "send a URL-encoded form")


def check_fields(query: bytes, body: bytes) -> None:
    """Count the fields of a request; raises Refused."""
    if query.count(b"&") + body.count(b"&") >= MOST_FIELDS:
        raise Refused(413, f"more than {MOST_FIELDS} fields (a limit of ours)")


def visitor_of(scope: Scope, rules: Rules) -> Visitor:
    """Give who sent a request."""
    headers = scope["headers"]
    agent = header_of(headers, b"user-agent").decode("latin-1")
    if not rules.capture_ip:
        return Visitor("", agent)
    forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
    return Visitor(client_address((scope["client"] or ("",))[0], forwarded, rules.trusted), agent)


def event_of(params: Mapping[str, str], visitor: Visitor, rules: Rules, new_eid: str) -> Event:
    """Make the event of a request.

    Its parameters stay as they are, so that LeadBoxer counts what it would have counted without a gateway. Only the id
    is frozen: without `uid` and `email` the user is the event's own id there (facts.md, "Events, sessions, users"), so
    it is frozen with it. The visitor's address becomes `ip` where LeadBoxer would have taken the connection's.

    Args:
        params: Of the request.
        visitor: Who sent it.
        rules: Of the gateway.
        new_eid: Its id when it has none.

    Raises:
        Refused: It is not taken.
    """
    rules.check_dataset(params.get("si", ""))
    wire = of_event(params)
    wire.pop(SECRET_PARAMETER, None)
    wire["eid"] = wire.get("eid") or new_eid
    if "proxy" not in wire and rules.proxy == "true":
        wire["proxy"] = "true"
    if not wire.get("ip") and visitor.address and not is_set(wire.get("proxy", "false")):
        wire["ip"] = visitor.address
    try:
        return Event.received(wire, visitor.agent)
    except InvalidEvent as error:
        raise Refused(400, str(error)) from None
