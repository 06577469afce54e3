"""The store as the control API and the page show it."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from leadrelay_sandbox.intake import NO_TITLE
from leadrelay_sandbox.records import Arrival, Bad

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leadrelay_sandbox.store import Store

#: Most rows of one answer, and most bytes of parameters in it: ask again from where it ended.
MOST_ROWS = 2_000
MOST_BYTES = 4_000_000
#: Events of one user that are shown.
_TIMELINE = 200
#: Sessions of one user that are shown.
_SESSIONS_SHOWN = 200
_EVENT = tuple(column.name for column in fields(Arrival))
_PARAMS = _EVENT.index("params")
_BAD = tuple(column.name for column in fields(Bad))
_EVENTS = f"SELECT {', '.join(_EVENT)} FROM events"  # noqa: S608 - our own names
_BADS = f"SELECT {', '.join(_BAD)} FROM bad"  # noqa: S608 - our own names
_USERS = "SELECT si, uid, first_ms, last_ms, events, sessions, email, user_id, name FROM users"
_USER = ("si", "uid", "first_ms", "last_ms", "events", "sessions", "email", "userId", "name")
_SESSION = ("si", "sid", "uid", "start_ms", "end_ms", "events")


def events(store: Store, since: int, limit: int) -> list[dict[str, Any]]:
    """Give accepted requests with an index of at least `since`, oldest first."""
    return _events(store.read(f"{_EVENTS} WHERE idx >= ? ORDER BY idx LIMIT ?", (since, limit)))


def last_events(store: Store, number: int) -> list[dict[str, Any]]:
    """Give the newest accepted requests, oldest first."""
    return _events(store.read(f"{_EVENTS} ORDER BY idx DESC LIMIT ?", (number,)))[::-1]


def arrivals(store: Store, eid: str, si: str) -> list[dict[str, Any]]:
    """Give every accepted request with one event id, oldest first.

    Args:
        store: Where they are.
        eid: Of the event.
        si: Its dataset; ``""`` looks in all.
    """
    where, values = ("eid = ? AND si = ?", (eid, si)) if si else ("eid = ?", (eid,))
    return _events(store.read(f"{_EVENTS} WHERE {where} ORDER BY idx LIMIT {MOST_ROWS}", values))


def event(store: Store, eid: str, si: str) -> dict[str, Any] | None:
    """Give one event: of each name the last filled value that any of its arrivals had; None for an unknown one."""
    every = arrivals(store, eid, si)
    if not every:
        return None
    merged: dict[str, str] = {}
    for arrival in every:
        merged.update({name: value for name, value in arrival["params"].items() if value or name not in merged})
    return {**every[0], "arrivals": len(every), "params": merged}


def bad(store: Store, since: int, limit: int) -> list[dict[str, Any]]:
    """Give refused requests with an index of at least `since`, oldest first."""
    return [_bad(row) for row in store.read(f"{_BADS} WHERE idx >= ? ORDER BY idx LIMIT ?", (since, limit))]


def last_bad(store: Store, number: int) -> list[dict[str, Any]]:
    """Give the newest refused requests, oldest first."""
    return [_bad(row) for row in store.read(f"{_BADS} ORDER BY idx DESC LIMIT ?", (number,))][::-1]


def users(store: Store, limit: int, offset: int, find: str) -> dict[str, Any]:
    """Give users, the one with the newest activity first.

    Args:
        store: Where they are.
        limit: How many.
        offset: How many to leave out.
        find: Only those with this text in uid, userId or email; upper and lower case alike.
    """
    where = "WHERE instr(lower(uid || char(10) || user_id || char(10) || email), ?) > 0" if find else ""
    values = (find.lower(),) if find else ()
    total = store.read(f"SELECT count(*) FROM users {where}", values).fetchone()[0]  # noqa: S608 - our own texts
    rows = store.read(f"{_USERS} {where} ORDER BY last_ms DESC, id DESC LIMIT ? OFFSET ?", (*values, limit, offset))
    return {"total": total, "users": [dict(zip(_USER, row, strict=True)) for row in rows]}


def user(store: Store, uid: str, si: str) -> dict[str, Any] | None:
    """Give a user whole, None for an unknown one.

    Args:
        store: Where it is.
        uid: Of the user.
        si: Its dataset; ``""`` takes the first that has such a user.
    """
    where, values = ("uid = ? AND si = ?", (uid, si)) if si else ("uid = ?", (uid,))
    sql = f"SELECT si, profile, events, sessions FROM users WHERE {where} ORDER BY id LIMIT 1"  # noqa: S608 - our own texts
    row = store.read(sql, values).fetchone()
    if row is None:
        return None
    key = (uid, row[0])
    latest = f"WHERE uid = ? AND si = ? ORDER BY id DESC LIMIT {_SESSIONS_SHOWN}"
    timeline = store.read(f"{_EVENTS} WHERE uid = ? AND si = ? ORDER BY idx DESC LIMIT {_TIMELINE}", key)
    return {
        "si": row[0],
        "uid": uid,
        "profile": _profile(store, row[1]),
        "counters": {"events": row[2], "sessions": row[3]},
        "sessions": [shown for shown, _ in _sessions(store, latest, key)],
        "timeline": _events(timeline),
    }


def sessions(store: Store, limit: int, offset: int) -> dict[str, Any]:
    """Give sessions with their profiles, the newest first."""
    total = store.read("SELECT count(*) FROM sessions").fetchone()[0]
    latest = _sessions(store, "ORDER BY id DESC LIMIT ? OFFSET ?", (limit, offset))
    shown = [{**session, "profile": _profile(store, profile)} for session, profile in latest]
    return {"total": total, "sessions": shown}


def counters(store: Store) -> dict[str, Any]:
    """Give what LeadBoxer's counters would show, in total and by title."""
    totals = store.totals
    titles = store.read("SELECT si, ti, total, uniques FROM titles ORDER BY total DESC, ti, si LIMIT ?", (MOST_ROWS,))
    return {
        "total": {"events": totals.events, "sessions": totals.sessions, "unique": totals.uniques},
        "titles": [dict(zip(("si", "ti", "total", "unique"), row, strict=True)) for row in titles],
    }


def stats(store: Store) -> dict[str, Any]:
    """Give the totals."""
    return asdict(store.totals)


def _events(rows: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        size += len(row[_PARAMS])
        if shown and size > MOST_BYTES:
            break
        shown.append(_event(row))
    return shown


def _event(row: tuple[Any, ...]) -> dict[str, Any]:
    event = dict(zip(_EVENT, row, strict=True))
    event["index"] = event.pop("idx")
    for name in ("duplicate", "proxy", "counted", "registered"):
        event[name] = bool(event[name])
    for name in ("warnings", "params", "enriched"):
        event[name] = json.loads(event[name])
    event["ti"] = event["params"].get("ti") or NO_TITLE
    return event


def _bad(row: tuple[Any, ...]) -> dict[str, Any]:
    return {"index": row[0], **dict(zip(_BAD[1:], row[1:], strict=True))}


def _sessions(store: Store, where: str, values: tuple[Any, ...]) -> list[tuple[dict[str, Any], str]]:
    rows = store.read(f"SELECT {', '.join(_SESSION)}, profile FROM sessions {where}", values)  # noqa: S608 - our own texts
    return [(dict(zip(_SESSION, row, strict=False)), row[-1]) for row in rows]


def _profile(store: Store, profile: str) -> dict[str, Any]:
    """Look up a profile's values where they stand: in the events they come from."""
    names: dict[int, list[str]] = {}
    for name, index in json.loads(profile).items():
        names.setdefault(index, []).append(name)
    shown = {}
    for index in sorted(names, reverse=True):
        sql = "SELECT eid, at_ms, params, enriched FROM events WHERE idx = ?"
        eid, at_ms, params, enriched = store.read(sql, (index,)).fetchone()
        sources = {"event": json.loads(params), "enriched": json.loads(enriched)}
        for name in names[index]:
            origin = "enriched" if name in sources["enriched"] else "event"
            shown[name] = {"value": sources[origin][name], "eid": eid, "at_ms": at_ms, "from": origin}
    return shown
