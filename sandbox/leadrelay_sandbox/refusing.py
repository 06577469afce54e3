"""What the Track API's stand-in does not take, and why; pure. Limits are ours: the vendor names none (facts.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadrelay.serving.asgi import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Bytes of path and query.
MOST_LINE = 8 * 1024
#: Names of a query and a body together.
MOST_FIELDS = 1000
_PATHS = frozenset({"/", "/log"})
_METHODS = frozenset({"GET", "POST"})
_NO_FORMS = (b"application/json", b"multipart/")


def check_head(method: str, path: str, line: int, content_type: bytes) -> None:
    """Look at a request before its body is read.

    Args:
        method: Of the request.
        path: Of the request, without the query.
        line: Bytes of path and query.
        content_type: As given, ``b""`` for none; anything but JSON and multipart is read as a form.

    Raises:
        Refused: It is not taken.
    """
    if path not in _PATHS:
        raise Refused(404, "the Track API is at / (and /log)")
    if method not in _METHODS:
        raise Refused(405, "send GET or POST")
    if line > MOST_LINE:
        raise Refused(414, "request line too long (a limit of the sandbox)")
    if method == "POST" and content_type.lower().startswith(_NO_FORMS):
        raise Refused(415, "send a URL-encoded form")


def check_fields(query: bytes, body: bytes) -> None:
    """Count the fields of a request; raises Refused."""
    if query.count(b"&") + body.count(b"&") > MOST_FIELDS:
        raise Refused(413, f"more than {MOST_FIELDS} fields (a limit of the sandbox)")


def check_dataset(params: Mapping[str, str], *, registered: bool, choices: Mapping[str, str]) -> str | None:
    """Look at the dataset.

    Args:
        params: Of the request.
        registered: Whether it is.
        choices: The switches.

    Returns:
        Why the event is to be lost although it is answered, None when it is not.

    Raises:
        Refused: It is not taken.
    """
    if not params.get("si"):
        reason, rule = "si: no dataset id", choices["missing_si"]
    elif not registered:
        reason, rule = "si: not a registered dataset", choices["unknown_si"]
    else:
        return None
    if rule == "refuse":
        raise Refused(400, reason)
    return f"{reason}; answered and lost" if rule == "discard" else None
