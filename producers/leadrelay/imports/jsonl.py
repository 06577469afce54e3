"""JSON lines: one object of wire names per line, `ti` its title."""

from __future__ import annotations

import json
from typing import Any

from leadrelay.imports.record import RejectedLine


def parse_jsonl(line: str) -> dict[str, Any]:
    """Read one line as values by name; numbers stay the text that stands there. Raises RejectedLine."""
    try:
        found = json.loads(
            line, parse_int=str, parse_float=str, parse_constant=_no_number, object_pairs_hook=_without_repeats
        )
    except RejectedLine:
        raise
    except (ValueError, RecursionError):
        raise RejectedLine("not JSON") from None
    if not isinstance(found, dict):
        raise RejectedLine("not a JSON object")
    if "\\u" in line:
        _refuse_halves(found)
    return found


def _refuse_halves(found: dict[str, Any]) -> None:
    """Refuse what an escape can write and UTF-8 cannot: half of a surrogate pair."""
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise RejectedLine("not valid Unicode (half of a surrogate pair)") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise RejectedLine("a name comes twice in one object")
    return found


def _no_number(_: str) -> None:
    raise RejectedLine("not a finite number")
