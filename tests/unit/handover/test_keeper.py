import pytest
from leadrelay.handover.keeper import Keeper

from tests.chaos.processes import until


def test_it_works_as_long_as_there_is_something_to_do():
    waits, done = [0.0, 0.0, None], []
    keeper = Keeper(lambda end: done.append(end) or waits[len(done) - 1], threads=True)
    keeper.wake(0.0)
    until(lambda: not keeper.busy, "nothing is left to do")
    assert done == [float("inf")] * 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_its_thread_ends_not_its_work():
    done = []

    def step(_: float) -> None:
        done.append(1)
        if len(done) == 1:
            raise SystemExit  # as gevent ends a greenlet: with what is no Exception

    keeper = Keeper(step, threads=True)
    keeper.wake(0.0)
    until(lambda: done and not keeper.busy, "its thread has ended")
    keeper.wake(0.0)
    until(lambda: len(done) == 2, "another one works")


def test_without_threads_it_works_in_calls_when_it_is_due():
    done = []
    keeper = Keeper(lambda end: done.append(end) or 1000.0, threads=False)
    keeper.wake(1.0)
    keeper.wake(2.0)
    assert done == [1.0]
