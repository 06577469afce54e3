from threading import Event

import pytest
from leadrelay.errors import BrokerUnavailable
from leadrelay_worker.monitor.jobs import MOST_KEPT, MOST_RUNNING, Busy, Jobs

from tests.chaos.processes import until


@pytest.fixture
def jobs():
    started = Jobs()
    yield started
    started.stop()


def _wait(job):
    job.tell(read=1)
    job.wait(60)
    return {"read": 2}


def _ended(job):
    return until(lambda: job.state != "running" and job, "the job ends")


def test_a_job_tells_how_far_it_is_and_gives_its_result(jobs):
    go = Event()

    def work(job):
        job.tell(read=5)
        go.wait(60)
        return "found"

    job = jobs.start("verify", "", "ann", work)
    until(lambda: job.progress == {"read": 5}, "it has told")
    assert (job.document()["state"], job.document()["by"]) == ("running", "ann")
    go.set()
    assert _ended(job).document() | {"id": ""} == {
        "id": "", "kind": "verify", "name": "", "by": "ann", "state": "done", "progress": {"read": 5},
        "result": "found", "error": "", "stopping": False, "seconds": round(job.ended - job.began, 1),
    }  # fmt: skip


def test_a_job_that_is_told_to_stop_keeps_what_it_did(jobs):
    job = jobs.start("replay", "all", "ann", _wait)
    job.stop()
    assert (_ended(job).state, job.result) == ("stopped", {"read": 2})


def test_one_of_a_name_runs_at_a_time_and_not_too_many_at_all(jobs):
    running = [jobs.start("replay", str(number), "ann", _wait) for number in range(MOST_RUNNING)]
    with pytest.raises(Busy, match="the same replay runs already"):
        jobs.start("replay", "0", "ann", _wait)
    with pytest.raises(Busy, match="jobs run already"):
        jobs.start("replay", "new", "ann", _wait)
    running[0].stop()
    _ended(running[0])
    assert jobs.start("replay", "0", "ann", _wait)


def test_what_only_reads_is_joined(jobs):
    job = jobs.start("trace", "e1", "ann", _wait, join=True)
    assert jobs.start("trace", "e1", "bob", _wait, join=True) is job
    assert jobs.start("trace", "e2", "bob", _wait, join=True) is not job


def test_a_step_ends_a_job_that_is_told_to_stop(jobs):
    def work(job):
        while True:
            job.step(read=3)

    job = jobs.start("recount", "", "ann", work)
    job.stop()
    assert (_ended(job).state, job.progress, job.error) == ("stopped", {"read": 3}, "")


def test_an_error_for_people_is_told_and_any_other_only_named(jobs, caplog):
    def away(_):
        raise BrokerUnavailable("the broker cannot be reached")

    def broken(_):
        raise ValueError(chr(64))

    assert _ended(jobs.start("drop", "a", "ann", away)).error == "the broker cannot be reached"
    job = _ended(jobs.start("drop", "b", "ann", broken))
    assert (job.state, job.error) == ("failed", "it failed (ValueError); see the monitor's log")
    assert "ValueError" in caplog.text
    assert "@" not in caplog.text + job.error


def test_old_jobs_are_forgotten(jobs):
    begun = [_ended(jobs.start("verify", str(number), "ann", lambda _: None)) for number in range(MOST_KEPT + 2)]
    assert [job for job in begun if jobs.get(job.id) is None] == begun[:2]
    assert jobs.of("verify")[0] is begun[-1]
