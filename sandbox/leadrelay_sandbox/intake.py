"""One event into the store: who it belongs to, what it adds, what it changes, what it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leadrelay_sandbox.eids import make_eid
from leadrelay_sandbox.enrich import enrich
from leadrelay_sandbox.identity import normal_email, session_of, user_of
from leadrelay_sandbox.profile import counts, offered, updated
from leadrelay_sandbox.reading import NOT_DOCUMENTED, proxied, time_of
from leadrelay_sandbox.records import Arrival, Session, User

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay_sandbox.reading import Hit
    from leadrelay_sandbox.store import Store

#: What LeadBoxer shows for an event without a title (facts.md, Parameters).
NO_TITLE = "NO TITLE"
_NAMED = ("email", "userId", "name")


class Visitor(NamedTuple):
    """Where a request came from: its User-Agent and its address."""

    agent: str
    address: str


def take(
    store: Store, hit: Hit, visitor: Visitor, choices: Mapping[str, str], now_ms: int, *, registered: bool = True
) -> str:
    """Accept an event, within a transaction of the store.

    Args:
        store: What is changed.
        hit: The request; its `si` is filled.
        visitor: Where it came from.
        choices: The switches.
        now_ms: The time in ms.
        registered: Whether its dataset is.

    Returns:
        The event's id.
    """
    arrival = _arrival(store, hit, visitor, choices, now_ms, registered=registered)
    names = offered(arrival.params, arrival.enriched, choices)
    session = store.session(arrival.si, arrival.sid) or Session(arrival.si, arrival.sid, arrival.uid, arrival.at_ms)
    user = store.user(arrival.si, arrival.uid) or User(arrival.si, arrival.uid, arrival.at_ms, arrival.at_ms)
    if arrival.counted:
        _count(store, arrival, user, session, choices)
    session.uid = arrival.uid
    session.profile = updated(session.profile, names, arrival.idx)
    if not arrival.proxy:
        session.end_ms = max(arrival.at_ms, session.end_ms or 0)
    user.last_ms = max(arrival.at_ms, user.last_ms)
    user.profile = updated(user.profile, names, arrival.idx)
    store.add(arrival)
    store.save_session(session)
    store.save_user(user, identified=_identify(user, arrival))
    return arrival.eid


def _arrival(
    store: Store, hit: Hit, visitor: Visitor, choices: Mapping[str, str], now_ms: int, *, registered: bool
) -> Arrival:
    params = hit.params
    eid = params.get("eid")
    duplicate = bool(eid) and store.has_event(params["si"], eid or "")
    eid = eid or make_eid(choices["eid_form"], now_ms)
    proxy = proxied(params, choices)
    uid, conflicts = user_of(params, eid, store, choices)
    return Arrival(
        idx=store.totals.accepted,
        eid=eid,
        si=params["si"],
        uid=uid,
        sid=session_of(params, eid),
        at_ms=time_of(params, choices, now_ms),
        method=hit.method,
        charset=hit.charset,
        duplicate=duplicate,
        proxy=proxy,
        counted=counts(params, proxy=proxy, duplicate=duplicate, choices=choices),
        registered=registered,
        warnings=(*hit.warnings, *conflicts, *_marks(choices, duplicate=duplicate, registered=registered)),
        params=params,
        enriched={} if proxy else enrich(params, visitor.agent, visitor.address),
    )


def _marks(choices: Mapping[str, str], *, duplicate: bool, registered: bool) -> list[str]:
    marks = []
    if duplicate:
        done = "merged, not counted" if choices["duplicate_eid"] == "merge" else "counted again"
        marks.append(f"{NOT_DOCUMENTED}eid: known already; {done}")
    if not registered:
        marks.append(f"{NOT_DOCUMENTED}si: a dataset that is not registered; accepted")
    return marks


def _count(store: Store, arrival: Arrival, user: User, session: Session, choices: Mapping[str, str]) -> None:
    """Move the counters of event, title, session and user."""
    per = choices["unique_per"]
    who = f"user:{user.uid}" if per == "user" else f"session:{session.sid}"
    store.count(arrival.si, arrival.params.get("ti") or NO_TITLE, who)
    if not session.events:
        user.sessions += 1
        store.totals.sessions += 1
    session.events += 1
    user.events += 1


def _identify(user: User, arrival: Arrival) -> bool:
    """Keep beside the profile what users are found by; tells whether any of it is in this event."""
    if not any(arrival.params.get(name) for name in _NAMED):
        return False
    params = arrival.params
    user.email = normal_email(params.get("email", "")) or user.email
    user.user_id = params.get("userId") or user.user_id
    user.name = params.get("name") or user.name
    return True
