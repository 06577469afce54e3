"""Giving a dead letter new content: what can be edited of it, and the same checks that a producer's event meets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from leadrelay.errors import InvalidEvent
from leadrelay.inbox import call_of
from leadrelay.invalid import INVALID, is_refused
from leadrelay.lane import lane_of
from leadrelay.queue.message import Entry
from leadrelay.trackapi.forms import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.client import Client
    from leadrelay.queue.letter import DeadLetter


def editable(letter: DeadLetter) -> dict[str, Any]:
    """Give the parameters that an edit starts from; of what is no event, those that the producer's call had.

    The eid is not among them: it stays. Nor is why the event was refused: `dead show` says it.
    """
    payload = letter.message.payload
    wire = dict(letter.wire or (json.loads(payload) if is_refused(payload) else call_of(payload)))
    for note in ("eid", INVALID):
        wire.pop(note, None)
    return wire


def revise(letter: DeadLetter, wire: Mapping[str, Any], client: Client) -> Entry:
    """Make the new content, under the letter's eid, checked as `track_event` checks it.

    Args:
        letter: The dead letter.
        wire: All its parameters from now on, by their wire names.
        client: Of the same settings as the producers (`lane_secret`).

    Raises:
        InvalidEvent: Names what is wrong, never a value.
    """
    named = dict(wire)
    if named.pop("eid", letter.message.eid) != letter.message.eid:
        raise InvalidEvent("eid: it stays the same in every revision; track a new event instead")
    title, agent = named.pop("ti", None), named.pop(USER_AGENT, None)
    if letter.wire is not None:  # the producer's word, or the settings' of that time, was applied to it
        named.setdefault("proxy", "false")
    entry = client.entry(client.make(title, {**named, "user_agent": agent}, letter.message.eid))
    return _in_its_lane(letter, wire, entry, client.settings.lane_secret)


def _in_its_lane(letter: DeadLetter, wire: Mapping[str, Any], entry: Entry, secret: str) -> Entry:
    """Keep the lane, which a producer may have chosen, unless the event is another person's now."""
    if letter.wire is None or lane_of(letter.wire, secret) != lane_of(wire, secret):
        return entry
    return Entry(entry.eid, letter.message.lane, entry.scope, entry.payload)
