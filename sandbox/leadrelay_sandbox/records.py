"""What the store keeps, one dataclass per table; fields are its columns (schema.sql says what they mean)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Totals:
    """Counts over everything."""

    requests: int = 0
    accepted: int = 0
    unique_eids: int = 0
    duplicates: int = 0
    bad: int = 0
    discarded: int = 0
    faults: int = 0
    events: int = 0
    sessions: int = 0
    uniques: int = 0


@dataclass(slots=True)
class User:
    """A user; `id` is None for one that is not stored yet."""

    si: str
    uid: str
    first_ms: int
    last_ms: int
    events: int = 0
    sessions: int = 0
    email: str = ""
    user_id: str = ""
    name: str = ""
    profile: dict[str, int] = field(default_factory=dict)
    id: int | None = None


@dataclass(slots=True)
class Session:
    """A session; `id` is None for one that is not stored yet."""

    si: str
    sid: str
    uid: str
    start_ms: int
    end_ms: int | None = None
    events: int = 0
    profile: dict[str, int] = field(default_factory=dict)
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One accepted request."""

    idx: int
    eid: str
    si: str
    uid: str
    sid: str
    at_ms: int
    method: str
    charset: str
    duplicate: bool
    proxy: bool
    counted: bool
    registered: bool
    warnings: tuple[str, ...]
    params: dict[str, str]
    enriched: dict[str, str]


@dataclass(frozen=True, slots=True)
class Bad:
    """One request that was refused or lost."""

    idx: int
    at_ms: int
    method: str
    status: int
    reason: str
    line: str
