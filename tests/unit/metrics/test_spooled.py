"""The spool for a scrape: counted beside it, and not at every one."""

from threading import Event

import pytest
from leadrelay.metrics import spooled
from leadrelay.metrics.spooled import Spooled
from leadrelay.settings import Settings
from leadrelay.spool.summary import Summary


@pytest.fixture
def spool(tmp_path):
    return Spooled(Settings.load({"LEADRELAY_HOME": str(tmp_path), "LEADRELAY_BROKER_URL": "redis://x"}))


@pytest.fixture
def counts(monkeypatch):
    """Numbers of events that one count after the other finds; an error is raised."""
    numbers = []

    def count(folder):
        found = numbers.pop(0)
        if isinstance(found, Exception):
            raise found
        return Summary(folder.label, found() if callable(found) else found, 10, 1.5, 2, 0, 0)

    monkeypatch.setattr(spooled, "summary", count)
    return numbers


def test_a_home_without_a_spool_has_nothing_waiting(spool):
    assert spool() == {"events": 0, "bytes": 0, "oldest_s": None, "lost": 0}


def test_a_count_stands_for_a_while(spool, counts, monkeypatch):
    counts += [1, 2]
    assert [spool()["events"], spool()["events"]] == [1, 1]
    monkeypatch.setattr(spooled, "FRESH_S", 0)
    monkeypatch.setattr(spooled, "REST", 0)
    spool._due_at = 0
    assert spool()["events"] == 2


def test_a_long_count_keeps_no_scrape_waiting(spool, counts, monkeypatch):
    monkeypatch.setattr(spooled, "WAIT_S", 0.01)
    counted = Event()
    counts.append(lambda: counted.wait(60) and 3)
    assert spool() is None
    assert spool() is None
    counted.set()
    monkeypatch.setattr(spooled, "WAIT_S", 60)
    assert spool()["events"] == 3


def test_a_spool_that_cannot_be_read_is_not_known(spool, counts):
    counts += [PermissionError("x")]
    assert spool() is None
