"""A sandbox for the session, empty and with its defaults at the start of each test; a worker with one for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests
from leadrelay import tracking
from leadrelay_sandbox.switches import DEFAULTS

from tests.chaos.processes import sandbox
from tests.chaos.run import Run
from tests.integration.handing import AWAY
from tests.integration.moves import Requests
from tests.integration.page import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadrelay.queue import Queue


class Endpoint:
    """A running sandbox, as an application and as a test see it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, query: str = "", **options: Any) -> requests.Response:
        """Send an event of the dataset `d` by GET."""
        return requests.get(f"{self.url}/?si=d&{query}", timeout=5, **options)

    def control(self, what: str) -> Any:
        """Ask the control API."""
        return requests.get(f"{self.url}/_sandbox/{what}", timeout=5).json()

    def set(self, what: str, document: Any) -> Any:
        """Set faults, switches or datasets."""
        reply = requests.put(f"{self.url}/_sandbox/{what}", json=document, timeout=5)
        reply.raise_for_status()
        return reply.json()

    def last(self) -> Any:
        """Give the newest accepted request."""
        return self.control("events?last=1")[0]

    def profile(self, uid: str) -> dict[str, str]:
        """Give a user's values by name."""
        return {name: entry["value"] for name, entry in self.control(f"users/{uid}?si=d")["profile"].items()}


@pytest.fixture
def worker(queue: Queue) -> Requests:
    """Give a worker of the queue that is moved by hand."""
    return Requests(queue)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a sandbox."""
    process, url = sandbox(tmp_path_factory.mktemp("sandbox"))
    yield url
    process.kill()


@pytest.fixture
def endpoint(served: str) -> Endpoint:
    """Give the sandbox, empty and with its defaults."""
    fresh = Endpoint(served)
    requests.delete(f"{served}/_sandbox/events", timeout=5).raise_for_status()
    fresh.set("faults", {"rules": []})
    fresh.set("switches", dict(DEFAULTS))
    fresh.set("datasets", {"datasets": []})
    return fresh


@pytest.fixture(scope="package", params=["POST", "GET"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One broker, worker and sandbox for all tests of the vendor's page, for each method of sending."""
    with Run(tmp_path_factory.mktemp("page")) as run:
        run.env |= {"LEADRELAY_METHOD": request.param, "LEADRELAY_CONCURRENCY": "4", "LEADRELAY_TIMEOUT_MS": "5000"}
        run.start_worker()
        yield Api(run, request.param)


@pytest.fixture
def api(page: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Make this process the run's producer."""
    for name, value in page.run.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tracking, "_client", None)
    return page


@pytest.fixture
def app(monkeypatch, tmp_path):
    """Make this process an application; gives a function that opens its client."""
    made = []

    def opened(url=AWAY, **env):
        monkeypatch.setenv("LEADRELAY_BROKER_URL", url)
        monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
        for name, value in env.items():
            monkeypatch.setenv(f"LEADRELAY_{name}", value)
        monkeypatch.setattr(tracking, "_client", None)
        monkeypatch.setattr(tracking, "_configured", {})
        made.append(tracking.client())
        return made[-1]

    yield opened
    for client in made:
        client.close()
