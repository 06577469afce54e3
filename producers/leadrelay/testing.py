"""For the tests of applications: what they tracked, without a broker, a worker or an endpoint.

    def test_a_payment_is_tracked():
        with leadrelay.testing.fake() as tracked:
            pay(invoice)
        tracked.assert_tracked("invoice_paid", userId="42")

Events are checked exactly as in production, and a wrong one raises. With pytest the same comes as a fixture, see
`leadrelay.pytest_plugin`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from leadrelay import modes
from leadrelay.settings import Settings
from leadrelay.trackapi.values import to_text
from leadrelay.tracking import overridden

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from leadrelay.event import Event

#: Dataset of events in tests that set none.
DATASET = "leadrelay-test"


class Tracked:
    """Events that were tracked, in order.

    Args:
        events: The list that they are recorded in.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        """See the class."""
        self.events = events

    def named(self, title: str, /, **wire: Any) -> list[Event]:
        """Give the events of this title whose parameters have these values.

        Args:
            title: `ti`, exactly.
            wire: Parameters as `track_event` takes them, `properties={…}` among them; others may be there too.
        """
        wanted = {name: to_text(name, value) for name, value in {**wire.pop("properties", {}), **wire}.items()}
        return [
            event
            for event in self.events
            if event.wire.get("ti") == title and all(event.wire.get(name) == value for name, value in wanted.items())
        ]

    def assert_tracked(self, title: str, /, *, times: int | None = None, **wire: Any) -> Event:
        """Assert that such an event was tracked, and give the last one.

        Args:
            title: As `named`.
            times: Exactly so many; None for one or more.
            wire: As `named`.

        Raises:
            AssertionError: Says what was tracked instead.
        """
        found = self.named(title, **wire)
        if not found or times not in (None, len(found)):
            wanted = "at least once" if times is None else f"{times} times"
            message = f"expected {_shown(title, wire)} {wanted}, found {len(found)}; tracked: {self._all()}"
            raise AssertionError(message)
        return found[-1]

    def assert_not_tracked(self, title: str, /, **wire: Any) -> None:
        """Assert that no such event was tracked; arguments as `named`."""
        found = self.named(title, **wire)
        if found:
            message = f"expected no {_shown(title, wire)}, found {len(found)}"
            raise AssertionError(message)

    def assert_nothing_tracked(self) -> None:
        """Assert that no event was tracked."""
        if self.events:
            message = f"expected no event; tracked: {self._all()}"
            raise AssertionError(message)

    def _all(self) -> str:
        hidden = ("ti", "si", "eid")
        shown = (
            _shown(event.wire.get("ti"), {name: value for name, value in event.wire.items() if name not in hidden})
            for event in self.events
        )
        return "; ".join(shown) or "nothing"


def _shown(title: str | None, wire: Any) -> str:
    return " ".join([repr(title), *(f"{name}={value!r}" for name, value in wire.items())])


@contextmanager
def fake(**settings: Any) -> Iterator[Tracked]:
    """Record events instead of sending them, in the whole process.

    Args:
        settings: As `leadrelay.configure` takes them: `default_properties={…}`, `strict=False` …

    Returns:
        What was tracked; also readable after the block.
    """
    events: list[Event] = []
    outer, modes.recorded = modes.recorded, events
    try:
        with overridden(**_for_tests("fake", settings)):
            yield Tracked(events)
    finally:
        modes.recorded = outer


@contextmanager
def inline(destination_url: str, **settings: Any) -> Iterator[None]:
    """Send each event at once, in the call, once: to a sandbox that a test then asks what arrived.

    Args:
        destination_url: Of a Track API.
        settings: As `fake`.
    """
    with overridden(**_for_tests("inline", settings), destination_url=destination_url):
        yield


def _for_tests(mode: str, settings: dict[str, Any]) -> dict[str, Any]:
    named = Settings.load(lenient=True).dataset_id
    return {"mode": mode, "strict": True, **({} if named else {"dataset_id": DATASET}), **settings}
