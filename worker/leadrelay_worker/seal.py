"""Sealing the worker against the environment of the application beside it.

Celery reads variables over an app's own configuration (`CELERY_BROKER_URL` beats `broker_url`), loads modules that
they name, and adapts itself to Django. A worker of ours started with an application's environment must not care.

This is not done for the whole package: Celery imports `monitor.command` into every `celery` command, to list it.
"""

from __future__ import annotations

import os

_PREFIXES = ("CELERY_", "CELERYD_", "CELERYBEAT_", "KOMBU_")
_NAMES = ("DJANGO_SETTINGS_MODULE", "FORKED_BY_MULTIPROCESSING", "C_FORCE_ROOT", "PROMETHEUS_MULTIPROC_DIR")


def seal() -> None:
    """Take those variables out of this process's environment; children inherit the rest."""
    for name in list(os.environ):
        if name in _NAMES or name.startswith(_PREFIXES):
            del os.environ[name]
    os.environ["C_FORCE_ROOT"] = "1"  # Celery's warning is about pickle; this worker reads JSON only


seal()  # before anything configures Celery
