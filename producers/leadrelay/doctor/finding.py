"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One judgement.

    Args:
        level: A problem loses events or stops them, now or at the next mishap; a warning may.
        check: The name of the check, as `LEADRELAY_ALLOW` uses it too.
        what: What is.
        why: Why it matters, ``""`` when all is well.
        do: What to do, ``""`` when all is well.
    """

    level: Level
    check: str
    what: str
    why: str = ""
    do: str = ""


def ok(check: str, what: str) -> Finding:
    """Say that all is well."""
    return Finding("ok", check, what)


def warning(check: str, what: str, why: str, do: str) -> Finding:
    """Say what may go wrong."""
    return Finding("warning", check, what, why, do)


def problem(check: str, what: str, why: str, do: str) -> Finding:
    """Say what does or will go wrong."""
    return Finding("problem", check, what, why, do)
