"""The answer to an accepted event, in the form it asks for; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from leadrelay.serving.asgi import TEXT, Reply
from leadrelay.trackapi.answers import GIF, PRECEDENCE, render_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRECEDENCE = {"pix-first": PRECEDENCE, "pix-last": (*PRECEDENCE[1:], "pix")}
_NO_STORE = ((b"cache-control", b"no-store"),)
_ANY_ORIGIN = ((b"access-control-allow-origin", b"*"),)
_PREFLIGHT = Reply(204, b"", headers=((b"access-control-allow-methods", b"GET, POST"),))


def answered(eid: str, params: Mapping[str, str], choices: Mapping[str, str], status: int = 200) -> Reply:
    """Give the answer.

    Args:
        eid: Of the event.
        params: Of the request.
        choices: The switches.
        status: Of the answer.
    """
    if choices["callback_alone"] == "text" and "json" not in params:
        params = {name: value for name, value in params.items() if name != "callback"}
    shape = choices["json_shape"]
    document = eid if shape == "string" else {shape: eid}
    made = render_answer(eid, params, _PRECEDENCE[choices["answer_precedence"]], document)
    content_type, body = made.content_type.encode(), made.body
    if content_type == TEXT and choices["text_newline"] == "newline":
        body += b"\n"
    return Reply(status, body, content_type, _NO_STORE if body is GIF else ())


def preflight(method: str, choices: Mapping[str, str]) -> Reply | None:
    """Give the answer to a browser's question before a request of another origin, None when it is none."""
    return _PREFLIGHT if method == "OPTIONS" and choices["cors"] == "any" else None


def for_origins(reply: Reply, choices: Mapping[str, str]) -> Reply:
    """Let pages of every origin read an answer, where the switch says so."""
    return replace(reply, headers=(*reply.headers, *_ANY_ORIGIN)) if choices["cors"] == "any" else reply
