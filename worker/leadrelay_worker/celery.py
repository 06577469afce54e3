"""``celery -A leadrelay_worker.celery …``: the app of this process's settings."""

from leadrelay_worker.app import load

app = load()
