"""`leadrelay run`: what one container runs against a broker of its own place."""

from __future__ import annotations

import click
from leadrelay.settings import Settings

from leadrelay_worker.parts import Part, keep_running


@click.command()
@click.option("--http", default="0.0.0.0:8012", show_default=True, help="Metrics and health of the worker.")
@click.option("--gateway", "gateway_at", metavar="HOST:PORT", help="Serve the Track API too.")
def run(http: str, gateway_at: str | None) -> None:
    """Run a worker with metrics, and a gateway if asked for, in one container; SIGTERM ends it within 15 s."""
    settings = Settings.load()
    if not settings.broker_url:
        raise click.UsageError("`run` is for a broker elsewhere: set LEADRELAY_BROKER_URL, or use `leadrelay up`")
    parts = [Part("worker", ["--http", http], f"delivers to {settings.destination_url}; metrics at {http}")]
    if gateway_at:
        host, _, port = gateway_at.rpartition(":")
        parts.append(Part("gateway", ["--host", host, "--port", port], f"http://{gateway_at}"))
    keep_running(parts)
