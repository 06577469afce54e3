"""Both frameworks on both databases, and a broker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from leadrelay import tracking
from leadrelay.contrib.outbox.relay import Relay
from leadrelay.handover.sender import Sender
from leadrelay.queue import Message, Queue

from tests import databases
from tests.integration.transactions.frameworks import FRAMEWORKS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def postgres() -> Iterator[databases.Postgres]:
    """One PostgreSQL for the session."""
    if databases.binaries() is None:
        pytest.skip("no PostgreSQL on this machine (Debian: postgresql)")
    server = databases.Postgres(databases.folder())
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    """Name an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/app.sqlite"
    server = request.getfixturevalue("postgres")
    return server.url(server.fresh())


@pytest.fixture(params=sorted(FRAMEWORKS))
def framework(request: pytest.FixtureRequest, url: str) -> Iterator[Any]:
    """Give a framework on an empty database that has the outbox's tables."""
    found = FRAMEWORKS[request.param](url)
    yield found
    found.close()


@pytest.fixture
def writers(framework: Any) -> Iterator[Any]:
    """Give a function that gives writers."""
    given = []

    def writer() -> Any:
        given.append(framework.writer())
        return given[-1]

    yield writer
    for one in given:
        one.close()


class Accepted:
    """The queue of the application, and what is in it."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.sender = Sender(queue)

    def relay(self, framework: Any) -> Relay:
        """Give a relay into it."""
        return Relay(self.sender, framework.store())

    def messages(self) -> list[Message]:
        """Give what is ready, in order."""
        raw: Any = self.queue.client.lrange(self.queue.keys.name("ready"), 0, -1)
        return [Message.parse(one) for one in reversed(raw)]

    def titles(self) -> list[str]:
        """Give the titles, in order."""
        return [json.loads(message.payload)["ti"] for message in self.messages()]

    def forget_eids(self) -> None:
        """Make the queue forget which events it had, as so many others in between would."""
        self.queue.client.delete(self.queue.keys.name("recent"), self.queue.keys.name("recent_old"))


@pytest.fixture
def accepted(broker: Any, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Accepted:
    """Make this process an application with a broker and a dataset."""
    monkeypatch.setenv("LEADRELAY_BROKER_URL", broker.url)
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    monkeypatch.setenv("LEADRELAY_TIMEOUT_MS", "5000")
    monkeypatch.setattr(tracking, "_client", None)
    return Accepted(queue)


def drain(relay: Relay) -> int:
    """Take steps until one finds nothing; gives how many rows moved."""
    moved = 0
    while True:
        step = relay.step()
        moved += step.moved
        if not (step.moved or step.more):
            return moved
