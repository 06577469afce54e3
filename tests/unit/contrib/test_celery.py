from celery import Celery
from leadrelay.contexts import context
from leadrelay.contrib import celery as contrib


def test_what_a_task_enters_and_never_leaves_ends_with_it():
    def nothing():
        pass

    task = Celery().task(nothing)
    for headers in ({}, {contrib.HEADER: {"campaign": "spring"}}):
        task.push_request(**headers)
        contrib._enter(task)
        context(userId="ann").__enter__()
        contrib._leave(task)
        task.pop_request()
        assert context.current() == {}
