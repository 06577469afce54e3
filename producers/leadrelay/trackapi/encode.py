"""Wire parameters to text on the wire: URL-encoded UTF-8, the same for GET and POST forms."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Names that begin so are leadrelay's own notes on an event; they never leave.
PRIVATE = "_"
#: The visitor's User-Agent, forwarded as the request's own (facts.md, "without `proxy`").
USER_AGENT = "_ua"


def encode(wire: Mapping[str, str]) -> str:
    """Encode parameters as a form; a space becomes ``+`` and ``+`` becomes ``%2B`` (page, section 4)."""
    return urlencode([(name, value) for name, value in wire.items() if not name.startswith(PRIVATE)])
