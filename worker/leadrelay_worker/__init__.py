"""What delivers: a Celery app with one task, a kombu transport over leadrelay's queue, and the attempt."""

from leadrelay_worker.seal import seal

seal()  # before anything imports Celery
