import contextvars

import leadrelay
import pytest
from celery import Celery
from leadrelay.contexts import context
from leadrelay.contrib import celery as contrib


@pytest.fixture
def run():
    """Run a function as a task; gives what it gives."""

    def run(function, *, eager=False, **headers):
        task = Celery().task(function)
        task.push_request(**headers, is_eager=eager)
        contrib._enter(task)
        try:
            return task.run()
        finally:
            contrib._leave(task)
            task.pop_request()

    return run


def enter_and_forget():
    context(userId="ann").__enter__()
    return context.current()


@pytest.mark.parametrize("headers", [{}, {contrib.HEADER: {"campaign": "spring"}}])
def test_what_a_task_enters_and_never_leaves_ends_with_it(run, headers):
    assert run(enter_and_forget, **headers) == {**headers.get(contrib.HEADER, {}), "userId": "ann"}
    assert context.current() == {}


def test_what_an_eager_task_enters_ends_with_it_and_its_callers_applies(run):
    with leadrelay.context(campaign="spring"):
        assert run(enter_and_forget, eager=True) == {"campaign": "spring", "userId": "ann"}
        assert context.current() == {"campaign": "spring"}


@pytest.mark.parametrize("headers", [{}, {contrib.HEADER: {"campaign": "spring"}}])
def test_a_task_takes_nothing_that_its_thread_still_holds(run, headers):
    def begin():
        with leadrelay.context(userId="ann"):
            yield

    suspended = begin()  # as a generator that nobody has closed yet
    next(suspended)
    assert context.current() == {"userId": "ann"}
    assert run(context.current, **headers) == headers.get(contrib.HEADER, {})
    suspended.close()
    assert context.current() == {}


def test_a_generator_that_is_closed_late_takes_nothing_from_the_task_under_way(run):
    def begin():
        with leadrelay.context(userId="ann"):
            yield

    def closing():
        suspended.close()
        return context.current()

    def main():
        next(suspended)
        return run(closing, **{contrib.HEADER: {"userId": "bob"}})

    suspended = begin()
    assert contextvars.copy_context().run(main) == {"userId": "bob"}
