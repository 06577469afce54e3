"""A real broker for every test that needs one: the embedded server, on loopback, in a temporary folder."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

import pytest
from leadrelay.queue import Queue

from tests.chaos.processes import Broker

if TYPE_CHECKING:
    from collections.abc import Iterator

    import redis


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One server for the session."""
    server = Broker(tmp_path_factory.mktemp("broker"))
    yield server
    server.kill()


@pytest.fixture
def client(broker: Broker) -> Iterator[redis.Redis]:
    """A client of an empty server; afterwards no key may be left outside the namespace."""
    broker.client.flushall()
    yield broker.client
    stray = [
        key
        for key in broker.client.keys("*")
        if not key.startswith((b"{leadrelay}:", b"leadrelay", b"_kombu.", b"unacked"))
    ]
    assert not stray, f"keys outside the namespace: {stray}"


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    """The queue under test."""
    return Queue(client)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """Give each test a home of its own and none of the caller's settings."""
    for name in [name for name in os.environ if name.startswith("LEADRELAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LEADRELAY_HOME", str(tmp_path / "home"))
    logging.getLogger("leadrelay").setLevel(logging.INFO)
