"""What delivers: a Celery app with one task, a kombu transport over leadrelay's queue, and the attempt."""
