"""The jobs of this monitor: how far they are, and cancelling them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tornado.web import HTTPError

from leadrelay_worker.monitor.answers import Answer

if TYPE_CHECKING:
    from leadrelay_worker.monitor.jobs import Job


class OfJob(Answer):
    """An answer about one job."""

    def job(self, job_id: str) -> Job:
        """Give the job; raises HTTPError."""
        job = self.jobs.get(job_id)
        if job is None:
            raise HTTPError(404, "this job is not known any more: the monitor was started again, or it is long ago")
        return job


class One(OfJob):
    """How far a job is, and what it gave."""

    def get(self, job_id: str) -> None:
        """Answer."""
        self.finish_with(self.job(job_id).document())


class Cancel(OfJob):
    """Tell a job to stop at its next step; what it did stays done."""

    acts = True

    def post(self, job_id: str) -> None:
        """Cancel."""
        job = self.job(job_id)
        job.stop()
        self.finish_with(job.document())
