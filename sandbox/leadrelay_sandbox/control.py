"""The controls under ``/_sandbox/``: what was received, faults, switches, and the page that shows them."""

from __future__ import annotations

import json
import time
from importlib import resources
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from leadrelay.serving.asgi import Refused, Reply, read_body
from leadrelay.trackapi.parameters import PARAMETERS

from leadrelay_sandbox import switches, views
from leadrelay_sandbox.faults import BadRule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leadrelay.serving.asgi import Receive, Scope

    from leadrelay_sandbox.state import State
    from leadrelay_sandbox.store import Store

PREFIX = "/_sandbox"
#: Users or sessions of one answer, at most.
_MOST_SHOWN = 500
_INDEX = "index.html"
_TYPES = {".html": b"text/html", ".css": b"text/css", ".js": b"text/javascript", ".svg": b"image/svg+xml"}
_SAFE = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
_OWN_ONLY = (*_SAFE, (b"content-security-policy", b"default-src 'self'"))


class BadControl(ValueError):
    """A control call cannot be understood; the message says what to give."""


async def control(state: State, scope: Scope, receive: Receive) -> Reply:
    """Serve one call.

    Args:
        state: What is shown and set.
        scope: Of the request; its path begins with `PREFIX`.
        receive: Of the request.

    Raises:
        Gone: The client went away before its request was whole.
        NotStored: The database refused to forget.
    """
    try:
        return await _served(state, scope, receive)
    except (BadControl, BadRule, switches.BadSwitch) as error:
        return _json(400, {"error": str(error)})
    except Refused as refused:
        return _json(refused.status, {"error": refused.reason})


async def _served(state: State, scope: Scope, receive: Receive) -> Reply:
    method, path = scope["method"], scope["path"].removeprefix(PREFIX)
    if not path:
        return Reply(308, b"", headers=((b"location", f"{PREFIX}/".encode()),))
    what = path[1:]
    if method == "GET" and "/" not in what and ("." in what or not what):
        return _page(what or _INDEX)
    if method == "GET":
        return _shown(state, what, dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)))
    if method == "PUT" and what in _SETTERS:
        _SETTERS[what](state, await _document(receive))
        return _shown(state, what, {})
    if (method, what) == ("DELETE", "events"):
        await state.commits.durable(state.store.clear)
        return _json(200, views.stats(state.store))
    return _unknown()


async def _document(receive: Receive) -> Any:
    try:
        return json.loads(await read_body(receive))
    except (ValueError, RecursionError):
        raise BadControl("the body is not JSON") from None


def _shown(state: State, what: str, query: Mapping[str, str]) -> Reply:
    """Answer a GET, or a PUT with what holds now."""
    if what in _VIEWS:
        return _json(200, _VIEWS[what](state, query))
    kind, _, name = what.partition("/")
    if kind in _ONE and name:
        found = _ONE[kind](state.store, name, query.get("si", ""))
        return _json(200, found) if found else _json(404, {"error": f"{kind}: no such id here"})
    return _unknown()


def _events(state: State, query: Mapping[str, str]) -> Any:
    if "eid" in query:
        return views.arrivals(state.store, query["eid"], query.get("si", ""))
    if "last" in query:
        return views.last_events(state.store, _number(query, "last", 0, views.MOST_ROWS))
    since, limit = _number(query, "since", 0), _number(query, "limit", 1000, views.MOST_ROWS)
    return views.events(state.store, since, limit)


def _bad(state: State, query: Mapping[str, str]) -> Any:
    if "last" in query:
        return views.last_bad(state.store, _number(query, "last", 0, views.MOST_ROWS))
    since, limit = _number(query, "since", 0), _number(query, "limit", 1000, views.MOST_ROWS)
    return views.bad(state.store, since, limit)


def _users(state: State, query: Mapping[str, str]) -> Any:
    limit, offset = _number(query, "limit", 50, _MOST_SHOWN), _number(query, "offset", 0)
    return views.users(state.store, limit, offset, query.get("find", ""))


def _sessions(state: State, query: Mapping[str, str]) -> Any:
    limit, offset = _number(query, "limit", 50, _MOST_SHOWN), _number(query, "offset", 0)
    return views.sessions(state.store, limit, offset)


_VIEWS: dict[str, Callable[[State, Mapping[str, str]], Any]] = {
    "stats": lambda state, _: views.stats(state.store),
    "events": _events,
    "bad": _bad,
    "users": _users,
    "sessions": _sessions,
    "counters": lambda state, _: views.counters(state.store),
    "parameters": lambda *_: {"parameters": _parameters()},
    "faults": lambda state, _: state.faults.shown(time.monotonic()),
    "switches": lambda state, _: {"switches": switches.listed(state.choices)},
    "datasets": lambda state, _: {"datasets": sorted(state.datasets)},
}
_ONE: dict[str, Callable[[Store, str, str], dict[str, Any] | None]] = {"users": views.user, "events": views.event}


def _parameters() -> list[dict[str, str]]:
    """Give the known parameters and what each means, for the page to show."""
    return [{"name": row.name, "meaning": row.meaning, "set_by": row.set_by} for row in PARAMETERS.values()]


def _set_faults(state: State, document: Any) -> None:
    state.faults.replace(document, time.monotonic())


def _set_switches(state: State, document: Any) -> None:
    """Take `{"switches": [{"name": …, "value": …}]}`, as they are shown, or `{name: value}`."""
    wanted = document.get("switches", document) if isinstance(document, dict) else None
    if isinstance(wanted, list) and all(isinstance(row, dict) and isinstance(row.get("name"), str) for row in wanted):
        wanted = {row["name"]: row.get("value") for row in wanted}
    if not isinstance(wanted, dict):
        raise BadControl('expected {"switches": [{"name": "…", "value": "…"}]}, or {"name": "value"}')
    state.choices = switches.changed(state.choices, wanted)


def _set_datasets(state: State, document: Any) -> None:
    wanted = document.get("datasets") if isinstance(document, dict) else None
    if not isinstance(wanted, list) or not all(isinstance(si, str) for si in wanted):
        raise BadControl('expected {"datasets": ["…"]}')
    state.datasets = frozenset(wanted)


_SETTERS: dict[str, Callable[[State, Any], None]] = {
    "faults": _set_faults,
    "switches": _set_switches,
    "datasets": _set_datasets,
}


def _number(query: Mapping[str, str], name: str, default: int, most: int = 2**53) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise BadControl(f"{name}: give a whole number")
    return min(int(text[:20]), most)


def _page(name: str) -> Reply:
    """Give a file of the page: its name in the folder, never a path."""
    for file in resources.files(__package__).joinpath("page").iterdir():
        kind = _TYPES.get(PurePath(file.name).suffix)
        if file.name == name and kind:
            return Reply(200, file.read_bytes(), kind + b"; charset=utf-8", _OWN_ONLY)
    return _unknown()


def _unknown() -> Reply:
    known = f"GET {'|'.join(_VIEWS)}|users/UID|events/EID, PUT {'|'.join(_SETTERS)}, DELETE events"
    return _json(404, {"error": f"known: {known}"})


def _json(status: int, document: Any) -> Reply:
    return Reply(status, json.dumps(document).encode(), b"application/json", _SAFE)
