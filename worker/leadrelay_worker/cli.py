"""`leadrelay worker`."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

import click

import leadrelay_worker.seal  # noqa: F401 - seals the environment
from leadrelay_worker.pin import pin

if TYPE_CHECKING:
    from celery import Celery


def _app() -> Celery:
    from leadrelay_worker.app import load  # noqa: PLC0415 - Celery takes half a second to load; `--help` need not wait

    return load()


@click.command()
@click.option("--concurrency", type=click.IntRange(1), help="Attempts at a time.  [default: 32]")
@click.option("--pool", type=click.Choice(["threads", "prefork"]), help="How they run.  [default: threads]")
@click.option("--http", metavar="HOST:PORT", help="Answer /metrics, /healthz and /readyz here.  [default: nowhere]")
@click.option("--name", default="worker", show_default=True, help="Its name before the @ in Flower.")
def worker(concurrency: int | None, pool: str | None, http: str | None, name: str) -> int:
    """Deliver events until SIGTERM; what is under way is finished first."""
    if concurrency:
        os.environ["LEADRELAY_CONCURRENCY"] = str(concurrency)
    if pool:
        os.environ["LEADRELAY_POOL"] = pool
    if http:
        os.environ["LEADRELAY_HTTP"] = http
    app = _app()
    from celery.exceptions import CPendingDeprecationWarning, SecurityWarning  # noqa: PLC0415 - as above

    from leadrelay_worker.startup import LookAtBroker  # noqa: PLC0415 - as above

    settings = app.leadrelay
    warnings.filterwarnings("ignore", category=SecurityWarning)  # it is about pickle; this worker reads JSON only
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)
    if settings.pin and settings.pool == "threads":
        pin()
    options = [f"--hostname={name}@%h", "--loglevel=INFO", "--without-mingle", "--without-gossip"]
    app.worker_main(["worker", *options])
    return int(LookAtBroker.refused)
