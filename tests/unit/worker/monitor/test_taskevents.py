from collections import deque

import pytest
from flower.options import default_options
from leadrelay_worker.monitor.taskevents import TaskEventsTaken


class Loop:
    def __init__(self) -> None:
        self.calls = deque()

    def add_callback(self, call) -> None:
        self.calls.append(call)


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def taken(loop, monkeypatch):
    monkeypatch.setattr("flower.events.PeriodicCallback", lambda *_: None)  # needs a running loop
    return TaskEventsTaken(None, loop, default_options)


def event(number, kind="task-succeeded", **fields):
    own = {"type": kind, "uuid": f"{number}", "hostname": "w", "timestamp": 1.0, "local_received": 1.0, "clock": number}
    return own | fields


def test_the_loop_is_woken_once_for_a_batch(taken, loop):
    for number in range(50):
        taken.on_event(event(number))
    assert len(loop.calls) == 1
    loop.calls.popleft()()
    assert len(taken.state.tasks) == 50
    assert not loop.calls


def test_pages_are_answered_while_many_are_taken(taken, loop):
    for number in range(250):
        taken.on_event(event(number))
    for left in (True, True, False):
        loop.calls.popleft()()
        assert bool(loop.calls) is left
    assert len(taken.state.tasks) == 250


def test_one_that_cannot_be_read_holds_up_none(taken, loop):
    for one in (event(1), {"type": "task-succeeded", "hostname": "w"}, event(2)):
        taken.on_event(one)
    with pytest.raises(KeyError):
        loop.calls.popleft()()
    loop.calls.popleft()()
    assert set(taken.state.tasks) == {"1", "2"}


def test_an_end_that_tells_of_the_beginning_counts_as_received_too(taken, loop):
    taken.on_event(event(1, received=0.5, started=0.6))
    taken.on_event(event(2, "task-received"))
    taken.on_event(event(2))
    loop.calls.popleft()()
    assert taken.state.counter["w"] == {"task-received": 2, "task-succeeded": 2}
    assert taken.state.tasks["1"].started == 0.6
