"""Labels: under which dataset and title an event is counted, without a person's address in it.

A title names a kind of event ("invoice_paid"), but nothing keeps an application from writing a person into it. What
looks like an address or a number of somebody is replaced before a title is kept for reports, which also folds such
titles into one.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from functools import lru_cache

from leadrelay.trackapi.masking import masked

#: Characters of a title that are kept.
MOST_TITLE = 60
#: Characters of a label: 30 bits, enough to tell a few thousand titles apart.
LABEL_LENGTH = 5


@lru_cache(maxsize=1024)
def shown_title(title: str) -> str:
    """Give a title as reports may show it: without addresses and long numbers, on one line, of bounded length."""
    return _line(masked(" ".join(title.split())))


@lru_cache(maxsize=1024)
def shown_dataset(dataset: str) -> str:
    """Give a dataset id as reports may show it: on one line, of bounded length."""
    return _line(dataset)


@lru_cache(maxsize=4096)
def label_of(dataset: str, title: str) -> str:
    """Give the label of a dataset and a title as shown: a short hash that travels with the message."""
    digest = hashlib.blake2b(f"{dataset}\0{title}".encode("utf-8", "replace"), digest_size=6).digest()
    return urlsafe_b64encode(digest).decode()[:LABEL_LENGTH]


def _line(text: str) -> str:
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= MOST_TITLE else text[: MOST_TITLE - 1] + "…"
