"""The application's hook: sees each event before it is handed over, and may change or drop it."""

from __future__ import annotations

import importlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadrelay.interruption import let_through
from leadrelay.trackapi.forms import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leadrelay.event import Event

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drop:
    """What a hook gives back for an event that is not to be sent.

    Args:
        reason: For the log; no personal data.
    """

    reason: str


class Hook:
    """Runs `before_track`; what it raises is told in the log, and the event goes on as it was.

    Args:
        hook: The function, or `module:function`.
        make: Makes an event of a title, wire parameters and an eid.
    """

    def __init__(self, hook: str | Callable[[dict[str, str]], Any], make: Callable[..., Event]) -> None:
        """See the class."""
        self._hook, self._make = hook, make
        self._said: set[str] = set()

    def __call__(self, event: Event) -> Event | None:
        """Give the event to send, None when it was dropped."""
        before = {name: value for name, value in event.wire.items() if name != USER_AGENT}
        try:
            if isinstance(self._hook, str):
                self._hook = _found(self._hook)
            wire = dict(before)
            given = self._hook(wire)
            if isinstance(given, Drop):
                logger.info("event %s dropped by before_track: %s", event.eid, given.reason)
                return None
            after = dict(wire if given is None else given)
            return event if after == before else self._changed(event, after)
        except Exception as error:  # noqa: BLE001 - the application's own code
            let_through(error)
            self._say(type(error).__name__)
            return event

    def _changed(self, event: Event, wire: Mapping[str, Any]) -> Event:
        named = {"proxy": "false", **wire, "eid": event.eid}
        title, lane = named.pop("ti", None), event.lane_override
        options = {"user_agent": event.wire.get(USER_AGENT), "lane": False if lane == "" else lane}
        return self._make(title, {**options, "properties": named})

    def _say(self, what: str) -> None:
        if what not in self._said:
            self._said.add(what)
            logger.error("before_track failed (%s): events go on as they are; said once", what)


def _found(path: str) -> Callable[[dict[str, str]], Any]:
    module, _, name = path.partition(":")
    found: Callable[[dict[str, str]], Any] = getattr(importlib.import_module(module), name)
    return found
