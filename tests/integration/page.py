"""What the tests of the vendor's page do and see: a producer, a queue, a real worker and the sandbox."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import leadrelay
import requests

from tests.chaos.processes import until
from tests.chaos.run import DATASET

if TYPE_CHECKING:
    from tests.chaos.run import Run

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
VISITOR = {"ip": "198.51.100.7", "user_agent": FIREFOX}
OTHER_VISITOR = {"ip": "203.0.113.9", "user_agent": CHROME}


def country_of(address: str) -> str:
    """Give the sandbox's stand-in for the country of an address."""
    return f"country of {address} (stand-in)"


class Api:
    """One run with a worker that sends by `method`."""

    def __init__(self, run: Run, method: str) -> None:
        """See the class."""
        self.run, self.url, self.method = run, run.url, method
        self._numbers = itertools.count(10_000)

    def number(self) -> int:
        """Give a number that no other test uses."""
        return next(self._numbers)

    def fresh(self, kind: str) -> str:
        """Give an id that no other test uses."""
        return f"{kind}-{self.method}-{self.number()}"

    def look(self, path: str, **query: Any) -> Any:
        """Read what the sandbox shows."""
        return requests.get(f"{self.url}/_sandbox/{path}", params=query, timeout=5).json()

    def arrivals(self, eid: str) -> list[dict[str, Any]]:
        """Give every request that brought an event."""
        return self.look("events", eid=eid)

    def arrived(self, eid: str) -> dict[str, Any]:
        """Wait for an event and give it as the sandbox has it."""
        return until(lambda: self.arrivals(eid), f"{eid} arrives", 30)[0]

    def track(self, title: str = "signup", **wire: Any) -> dict[str, Any]:
        """Track an event and give it as it arrived."""
        return self.arrived(leadrelay.track_event(title, **wire))

    def direct(self, **wire: str) -> requests.Response:
        """Send a request past leadrelay, as a browser or another client does."""
        params = {"si": DATASET, **wire}
        if self.method == "GET":
            return requests.get(self.url, params, timeout=5)
        return requests.post(self.url, params, timeout=5)

    def user(self, uid: str, si: str = DATASET) -> dict[str, Any]:
        """Give a user whole."""
        return self.look(f"users/{uid}", si=si)

    def profile(self, uid: str) -> dict[str, str]:
        """Give a user's properties."""
        return {name: origin["value"] for name, origin in self.user(uid)["profile"].items()}

    def clickstream(self, uid: str) -> list[str]:
        """Give the titles of a user's events, oldest first."""
        return [event["ti"] for event in reversed(self.user(uid)["timeline"])]

    def title(self, ti: str) -> tuple[int, int]:
        """Give total and unique of a title."""
        titles = self.look("counters")["titles"]
        return next(((row["total"], row["unique"]) for row in titles if row["ti"] == ti), (0, 0))

    def attempt(self, eid: str) -> str:
        """Wait for the worker's line on the attempt of an event, and give it."""
        log = self.run.workers[0].log
        lines = until(
            lambda: [line for line in log.read_text().splitlines() if f"eid={eid} " in line], f"the attempt of {eid}"
        )
        return str(lines[0])
