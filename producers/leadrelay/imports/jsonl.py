"""JSON lines: one object of wire names per line, `ti` its title."""

from __future__ import annotations

import json
from typing import Any

from leadrelay.imports.rejected import RejectedLine


def parse_jsonl(line: str) -> dict[str, Any]:
    """Read one line as the arguments of an event; raises RejectedLine."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise RejectedLine("not JSON") from None
    if not isinstance(found, dict):
        raise RejectedLine("not a JSON object")
    if not isinstance(found.get("ti"), str):
        raise RejectedLine("no title: `ti`")
    return found
