"""The answer to an accepted event, in the form it asks for; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadrelay.trackapi.answers import GIF, PRECEDENCE, render_answer

from leadrelay_sandbox.asgi import TEXT, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRECEDENCE = {"pix-first": PRECEDENCE, "pix-last": (*PRECEDENCE[1:], "pix")}
_NO_STORE = ((b"cache-control", b"no-store"),)


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
