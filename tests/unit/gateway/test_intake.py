import asyncio
import threading

import pytest
from leadrelay.errors import BrokerUnavailable
from leadrelay.event import Event
from leadrelay.gateway import intake as module
from leadrelay.gateway.counts import Counts
from leadrelay.gateway.intake import Intake, Overloaded, TooSlow


def event(number, size=1):
    return Event.received({"si": "d", "eid": f"e-{number:06}", "x": "y" * size}, "")


class Queue:
    """Stands for the queue: notes its calls, and waits in them until it is let go."""

    def __init__(self):
        self.calls, self.error = [], None
        self.begun, self.go = threading.Event(), threading.Event()

    def accept(self, events):
        self.calls.append([one.eid for one in events])
        self.begun.set()
        self.go.wait(30)
        if self.error:
            raise self.error


async def begun(queue):
    await asyncio.to_thread(queue.begun.wait, 30)


def run(scenario):
    queue, counts = Queue(), Counts()
    intake = Intake(queue.accept, counts)
    try:
        asyncio.run(asyncio.wait_for(scenario(queue, intake, counts), 60))
    finally:
        queue.go.set()
        intake.close()
    return queue, counts


def test_what_comes_during_a_call_shares_the_next():
    async def scenario(queue, intake, counts):
        first = asyncio.ensure_future(intake.safe([event(0)]))
        await begun(queue)
        others = [asyncio.ensure_future(intake.safe([event(number)])) for number in range(1, 50)]
        await asyncio.sleep(0)
        assert counts.waiting == 49
        assert not first.done()
        queue.go.set()
        await asyncio.gather(first, *others)

    queue, counts = run(scenario)
    assert queue.calls == [["e-000000"], [f"e-{number:06}" for number in range(1, 50)]]
    assert (counts.calls, counts.accepted, counts.waiting) == (2, 50, 0)


def test_what_is_ready_together_goes_together():
    async def scenario(queue, intake, _):
        queue.go.set()
        await asyncio.gather(*(intake.safe([event(number)]) for number in range(20)))

    queue, _ = run(scenario)
    assert len(queue.calls) == 1


def test_nobody_is_told_before_it_is_safe_and_a_failure_reaches_all_of_its_call():
    async def scenario(queue, intake, counts):
        queue.error = BrokerUnavailable("away")
        waiting = [asyncio.ensure_future(intake.safe([event(number)])) for number in range(3)]
        await begun(queue)
        assert not any(one.done() for one in waiting)
        queue.go.set()
        assert [type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)] == [
            BrokerUnavailable
        ] * 3
        queue.error = None
        await intake.safe([event(9)])
        assert (counts.accepted, counts.failed_calls) == (1, 1)

    run(scenario)


def test_calls_have_a_size(monkeypatch):
    monkeypatch.setattr(module, "MOST_AT_ONCE", 10)
    monkeypatch.setattr(module, "MOST_BYTES", 100_000)

    async def scenario(queue, intake, _):
        queue.go.set()
        many = [intake.safe([event(number), event(100 + number)]) for number in range(7)]
        large = [intake.safe([event(200 + number, 40_000)]) for number in range(3)]
        await asyncio.gather(*many, *large)

    queue, _ = run(scenario)
    assert [len(call) for call in queue.calls] == [10, 6, 1]


def test_too_many_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 5)

    async def scenario(queue, intake, counts):
        first = asyncio.ensure_future(intake.safe([event(0)]))
        await begun(queue)
        waiting = [asyncio.ensure_future(intake.safe([event(number)])) for number in range(1, 6)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await intake.safe([event(9)])
        queue.go.set()
        await asyncio.gather(first, *waiting)
        assert counts.waiting == 0
        await intake.safe([event(10)])

    run(scenario)


def test_too_many_bytes_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 50_000)

    async def scenario(queue, intake, _):
        first = asyncio.ensure_future(intake.safe([event(0)]))
        await begun(queue)
        large = asyncio.ensure_future(intake.safe([event(1, 30_000)]))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await intake.safe([event(2, 30_000)])
        queue.go.set()
        await asyncio.gather(first, large)
        await intake.safe([event(2, 30_000)])

    run(scenario)


def test_who_waits_too_long_is_told_whether_its_call_began_or_not(monkeypatch):
    monkeypatch.setattr(module, "ANSWER_S", 0.1)
    monkeypatch.setattr(module, "_LOOK_S", 0.01)

    async def scenario(queue, intake, counts):
        first = asyncio.ensure_future(intake.safe([event(0)]))
        await begun(queue)
        second = asyncio.ensure_future(intake.safe([event(1)]))
        assert [type(error) for error in await asyncio.gather(first, second, return_exceptions=True)] == [TooSlow] * 2
        assert counts.waiting == 0
        queue.go.set()
        await intake.safe([event(2)])

    queue, _ = run(scenario)
    assert queue.calls == [["e-000000"], ["e-000002"]]


def test_a_client_that_left_takes_nobody_with_it():
    async def scenario(queue, intake, _):
        left, other = (asyncio.ensure_future(intake.safe([event(number)])) for number in range(2))
        await begun(queue)
        left.cancel()
        queue.go.set()
        await other

    run(scenario)
