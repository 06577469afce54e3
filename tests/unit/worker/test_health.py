from dataclasses import dataclass

import pytest
from leadrelay_worker import health as module
from leadrelay_worker.health import LIVE_S, READY_S, Health

STILL = "the event loop does not turn (it may wait for the broker)"


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now + 10**9


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def health(clock):
    return Health()


def test_a_worker_that_has_just_begun_is_alive_and_not_ready(health, clock):
    assert health.live() == []
    assert health.ready() == ["the broker has not answered yet"]
    clock.now += LIVE_S + 1
    assert health.live() == [STILL, "the broker does not answer"]


def test_it_is_ready_while_both_moments_are_fresh(health, clock):
    health.turned.note()
    health.answered.note()
    assert health.ready() == []
    assert health.answered.at == clock.time()
    clock.now += READY_S + 1
    health.turned.note()
    assert health.ready() == ["the broker does not answer"]
    assert health.live() == []


def test_a_loop_that_stands_still_is_not_alive(health, clock):
    clock.now += LIVE_S + 1
    health.answered.note()
    assert health.live() == [STILL]
