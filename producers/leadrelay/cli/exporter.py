"""`leadrelay exporter`."""

from __future__ import annotations

import click

from leadrelay import broker
from leadrelay.metrics.exporter import Exporter
from leadrelay.metrics.reading import Reader
from leadrelay.metrics.serve import Server, metrics_of
from leadrelay.metrics.spooled import Spooled
from leadrelay.settings import Settings

#: Seconds that a call to the broker may take; a scrape usually waits for 10.
_TIMEOUT_S = 5.0


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 for every interface.")
@click.option("--port", default=9190, show_default=True, type=click.IntRange(0, 65535), help="0 for a free one.")
def exporter(host: str, port: int) -> None:
    """Serve the metrics of the queue for Prometheus, at /metrics."""
    settings = Settings.load()
    reader = Reader(broker.open_queue(settings, timeout_s=_TIMEOUT_S), settings)
    made = Exporter(reader, spool=Spooled(settings))
    with Server((host, port), {"/metrics": metrics_of(made)}) as server:
        click.echo(f"{server.url}/metrics")
        server.serve_forever()
