import logging
from unittest.mock import Mock

import pytest
from leadrelay.settings import Settings
from leadrelay_worker.upkeep import Upkeep


class Clock:
    """A queue that gives broker time, and remembers that it was set."""

    def __init__(self):
        self.now = 1_000_000
        self.set_by = []

    def now_ms(self):
        return self.now

    def clock_was_set(self, by_ms):
        self.set_by.append(by_ms)


@pytest.mark.parametrize(
    ("broker_s", "here_s", "said"),
    [(1, 1, None), (20, 1, None), (3601, 1, "+3600 s"), (-86399, 1, "-86400 s"), (3600, 3600, None), (0, 40, "-40 s")],
)
def test_a_clock_that_was_set_is_told_from_one_that_went_on(monkeypatch, caplog, broker_s, here_s, said):
    here = iter([100.0, 100.0 + here_s])
    monkeypatch.setattr("leadrelay_worker.upkeep.time", Mock(monotonic=lambda: next(here)))
    queue = Clock()
    upkeep = Upkeep(queue, None, Settings(), Mock(), Mock(eids=()))
    with caplog.at_level(logging.ERROR):
        upkeep._watch_clock()
        queue.now += broker_s * 1000
        upkeep._watch_clock()
    assert queue.set_by == ([(broker_s - here_s) * 1000] if said else [])
    assert (said or "") in caplog.text
    assert bool(said) == bool(caplog.records)
