"""Which dead letters are meant: the filters of list, replay, drop and export."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.label import shown_title
from leadrelay.lane import IDENTITIES
from leadrelay.times import read_moment
from leadrelay.trackapi.cookies import uid_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.queue.letter import DeadLetter

#: Filters as people write them; `Selection` has the times in ms.
FILTERS = ("reason", "title", "user", "since", "until")


@dataclass(frozen=True, slots=True, repr=False)
class Selection:
    """Filters that all must match; None matches everything.

    Args:
        reason: It died of it.
        title: Its `ti`.
        user: Any of its identities (`names`).
        since_ms: It died at or after this broker time.
        until_ms: It died before it.
    """

    reason: str | None = None
    title: str | None = None
    user: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None

    def matches(self, letter: DeadLetter) -> bool:
        """Tell whether a letter is meant."""
        return (
            (self.reason is None or letter.reason == self.reason)
            and (self.title is None or letter.title == self.title)
            and (self.user is None or names(letter.wire or {}, self.user))
            and (self.since_ms is None or letter.died_ms >= self.since_ms)
            and (self.until_ms is None or letter.died_ms < self.until_ms)
        )

    def __repr__(self) -> str:
        """Show no user."""
        return f"Selection(reason={self.reason!r}, title={self.title!r})"


def names(wire: Mapping[str, str], user: str) -> bool:
    """Tell whether an event names a user: by uid, userId, sid, email (trimmed, lower case) or the id in otui."""
    wanted = user.strip()
    named = {name: wire.get(name, "").strip() for name in IDENTITIES}
    if wanted and named.pop("email").lower() == wanted.lower():
        return True
    return bool(wanted) and wanted in (*named.values(), uid_of(named["otui"]))


def hashed(user: str, secret: str) -> str:
    """Give what stands for a user in records: never the identity itself."""
    text = user.strip().lower().encode()
    return hashlib.blake2b(text, key=secret.encode()[:64], digest_size=8).hexdigest()


def read_filters(written: Mapping[str, str], now_ms: int) -> Selection:
    """Read filters as people write them.

    Args:
        written: Some of `FILTERS`; times as `read_moment` takes them.
        now_ms: Broker time.

    Raises:
        ValueError: A time cannot be read; names the filter.
    """
    times = {}
    for name in ("since", "until"):
        if name in written:
            try:
                times[f"{name}_ms"] = read_moment(written[name], now_ms)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
    return Selection(written.get("reason"), written.get("title"), written.get("user"), **times)


def described(written: Mapping[str, str], limit: int | None, secret: str) -> str:
    """Say filters for the records, without personal data: a user is a hash, a title as reports show it."""
    said = dict(written) | ({"limit": str(limit)} if limit else {})
    if "user" in said:
        said["user"] = hashed(said["user"], secret)
    if "title" in said and (title := shown_title(said["title"])) != said["title"]:
        said["title"] = f"{title}/{hashed(said['title'], secret)}"
    return " ".join(f"{name}={said[name]}" for name in (*FILTERS, "limit") if name in said) or "all"


def id_of(description: str) -> str:
    """Give the id under which the replay of a filter is recorded."""
    return hashlib.blake2b(description.encode(), digest_size=4).hexdigest()
