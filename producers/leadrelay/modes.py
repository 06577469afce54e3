"""Modes in which events do not go through the queue: for development and tests."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from leadrelay.errors import NotAccepted
from leadrelay.label import shown_title
from leadrelay.trackapi.answers import parse_answer
from leadrelay.trackapi.forms import USER_AGENT, encode
from leadrelay.trackapi.masking import shown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from leadrelay.event import Event
    from leadrelay.settings import Settings

logger = logging.getLogger(__name__)

#: Events of `fake` mode, in order.
recorded: list[Event] = []
#: Seconds that one request of `inline` mode may take.
_REQUEST_S = 8.0


def off(_: Settings, __: Sequence[Event]) -> None:
    """Do nothing."""


def fake(_: Settings, events: Sequence[Event]) -> None:
    """Keep events in memory."""
    recorded.extend(events)


def log(_: Settings, events: Sequence[Event]) -> None:
    """Write a line for each event: its title as reports show it and the names of its properties, no values."""
    for event in events:
        names = ",".join(sorted(map(shown_name, event.wire)))
        logger.info("event=tracked eid=%s title=%r names=%s", event.eid, shown_title(event.wire.get("ti", "")), names)


def inline(settings: Settings, events: Sequence[Event]) -> None:
    """Send each event now, once.

    Raises:
        NotAccepted: The endpoint did not take one; the later ones were not sent.
    """
    from http.client import HTTPException  # noqa: PLC0415 - the other modes need no HTTP
    from urllib.error import HTTPError  # noqa: PLC0415 - as above
    from urllib.request import Request, urlopen  # noqa: PLC0415 - as above

    for event in events:
        headers = {"User-Agent": event.wire.get(USER_AGENT) or "leadrelay"}
        form = encode(event.wire).encode()
        if settings.method == "GET":
            request = Request(f"{settings.destination_url}/?{form.decode()}", headers=headers)  # noqa: S310 - http(s) by the setting
        else:
            request = Request(f"{settings.destination_url}/", data=form, headers=headers)  # noqa: S310 - as above
        try:
            with urlopen(request, timeout=_REQUEST_S) as response:  # noqa: S310 - as above
                answer = parse_answer(response.read(64_000))
        except HTTPError as error:
            raise NotAccepted(f"the endpoint answered {error.code}") from None
        except (OSError, HTTPException) as error:
            raise NotAccepted(f"the endpoint cannot be reached ({type(error).__name__})") from None
        if answer is None:
            raise NotAccepted("the endpoint's answer is no event id")


#: What each mode but `live` does with events.
MODES: dict[str, Callable[[Settings, Sequence[Event]], None]] = {
    "inline": inline,
    "log": log,
    "fake": fake,
    "off": off,
}
