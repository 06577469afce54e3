"""Whose event it is: the user and the session; pure (page, sections 5 and 6; facts.md, Events and last table)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from leadrelay.trackapi.cookies import sid_of, uid_of

from leadrelay_sandbox.reading import NOT_DOCUMENTED

if TYPE_CHECKING:
    from collections.abc import Mapping


class Owner(NamedTuple):
    """The user who has an e-mail address, and the `userId` of the profile (``""`` without one)."""

    uid: str
    user_id: str


class Directory(Protocol):
    """Who is known in a dataset; the first seen where several match."""

    def user_with_id(self, si: str, user_id: str) -> str | None:
        """Give the uid of the user whose profile has this `userId`."""

    def owner_of(self, si: str, email: str) -> Owner | None:
        """Give the user whose profile has this address, written as `normal_email` does."""


def normal_email(text: str) -> str:
    """Give an address as addresses are compared."""
    return text.strip().lower()


def user_of(
    params: Mapping[str, str], eid: str, directory: Directory, choices: Mapping[str, str]
) -> tuple[str, tuple[str, ...]]:
    """Decide which user an event belongs to.

    The order is `uid`, the id in `otui`, `userId`, `email`. A `userId` that is new joins the user of the address that
    comes with it, unless that user has another `userId`. Without any of them the event is a new user's.

    Args:
        params: Of the request, `si` among them.
        eid: The event's id.
        directory: The users there are.
        choices: The switches.

    Returns:
        The uid, and a warning when the address is another user's.
    """
    si, email = params["si"], normal_email(params.get("email", ""))
    owner = directory.owner_of(si, email) if email else None
    uid = (
        params.get("uid")
        or uid_of(params.get("otui", ""))
        or _by_identity(params, email, eid, owner, directory, choices)
    )
    if owner and owner.uid != uid:
        return uid, (
            f"{NOT_DOCUMENTED}email: the address of another user; {'uid' if params.get('uid') else 'the id'} wins",
        )
    return uid, ()


def session_of(params: Mapping[str, str], eid: str) -> str:
    """Give the session: `sid`, the id in `ots`, or the event's own (page, Pre-defined parameters; facts.md)."""
    return params.get("sid") or sid_of(params.get("ots", ""), params.get("otui", "")) or eid


def _by_identity(
    params: Mapping[str, str],
    email: str,
    eid: str,
    owner: Owner | None,
    directory: Directory,
    choices: Mapping[str, str],
) -> str:
    user_id = params.get("userId", "") if choices["user_id"] == "identifies" else ""
    known = directory.user_with_id(params["si"], user_id) if user_id else None
    if known is None and owner and (not user_id or owner.user_id in {"", user_id}):
        known = owner.uid
    if known is not None:
        return known
    return (user_id or email or eid) if choices["new_uid"] == "identity" else eid
