"""What an event changes: properties of its session and user, and counters; pure.

A profile is a mapping from a name to the index of the event that its value comes from, so the value's origin is always
known and nothing is kept twice. The last value wins (page, "Automatic propagation"; facts.md, Events).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from leadrelay.trackapi.parameters import NOT_PROPAGATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    Profile = Mapping[str, int]

#: Names in one profile; a limit of the sandbox, against growth without end.
MOST_NAMES = 1000


def offered(params: Mapping[str, str], enriched: Mapping[str, str], choices: Mapping[str, str]) -> dict[str, bool]:
    """Give the names that an event offers to profiles, and whether each replaces a value that is there.

    Args:
        params: Of the event. Names that address the endpoint are never copied; an empty value replaces nothing.
        enriched: What was detected; never under a name that the event fills itself.
        choices: The switches.
    """
    beyond_ascii = choices["non_ascii_names"] == "propagate"
    empty_replaces = choices["empty_value"] == "overwrite"
    names = {
        name: value != "" or empty_replaces
        for name, value in params.items()
        if name not in NOT_PROPAGATED and name and (beyond_ascii or name.isascii())
    }
    names.update(dict.fromkeys(enriched, True))
    return names


def updated(profile: Profile, names: Mapping[str, bool], index: int) -> dict[str, int]:
    """Give a profile after an event.

    Args:
        profile: As it was.
        names: From `offered`.
        index: Of the event.
    """
    taken = {name: index for name, replaces in names.items() if replaces or name not in profile}
    after = {**profile, **taken}
    return after if len(after) <= MOST_NAMES else dict(islice(after.items(), MOST_NAMES))


def counts(params: Mapping[str, str], *, proxy: bool, duplicate: bool, choices: Mapping[str, str]) -> bool:
    """Decide whether an event moves counters: not under `proxy`, not with `increment=false`, not twice (facts.md).

    Args:
        params: Of the event.
        proxy: Whether `proxy` is on.
        duplicate: Whether its `eid` is known.
        choices: The switches.
    """
    again = duplicate and choices["duplicate_eid"] == "merge"
    return not proxy and not again and params.get("increment") not in {"false", "0"}
