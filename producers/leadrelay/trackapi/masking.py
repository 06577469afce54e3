"""Titles and names of properties as logs, lists and messages may show them: without anybody in them.

They name kinds of things, but nothing keeps an application from writing a person into them.
"""

from __future__ import annotations

import re

#: Characters of a name that are shown.
MOST_NAME_SHOWN = 40

_WORD = re.compile(r"\S+")
#: Longer than a year or a price: ids of orders and users, phone numbers, IP addresses.
_NUMBER = re.compile(r"\+?\d(?:[\s./-]?\d){4,}")


def masked(text: str) -> str:
    """Put a word in the place of what looks like an address, and a sign in that of a long number."""
    return _NUMBER.sub("#", _WORD.sub(_shown_word, text))


def _shown_word(word: re.Match[str]) -> str:
    return "<address>" if "@" in word[0] or "%40" in word[0] else word[0]


def shown_name(name: str) -> str:
    """Give the name of a property as a message may show it."""
    text = masked(name)
    return text if len(text) <= MOST_NAME_SHOWN else f"{text[:MOST_NAME_SHOWN]}…"
