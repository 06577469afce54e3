"""`leadrelay up`: everything on one machine."""

from __future__ import annotations

import os

import click
from leadrelay import broker, embedded
from leadrelay.errors import BrokerUnavailable
from leadrelay.settings import Settings

from leadrelay_worker.parts import Part, keep_running, url_of


@click.command()
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Deliver to a stand-in LeadBoxer on this machine.")
@click.option(
    "--port-base",
    default=8010,
    show_default=True,
    type=click.IntRange(1, 65532),
    help="Monitor here; sandbox, gateway and the worker's metrics on the three ports after it.",
)
def up(port_base: int, *, with_sandbox: bool) -> None:
    """Run everything on this machine: broker, worker, gateway, monitor; Ctrl-C ends it."""
    settings = Settings.load()
    _say_broker(settings)
    parts = []
    monitor, sandbox, gateway, metrics = (url_of("127.0.0.1", port_base + number) for number in range(4))
    if with_sandbox:
        os.environ["LEADRELAY_DESTINATION_URL"] = sandbox
        parts.append(Part("sandbox", ["--port", str(port_base + 1)], sandbox))
    destination = os.environ.get("LEADRELAY_DESTINATION_URL", settings.destination_url)
    if settings.http:
        metrics = url_of(*settings.http)
    http = ["--http", metrics.removeprefix("http://")]
    parts.append(Part("worker", http, f"delivers to {destination}; metrics at {metrics}/metrics"))
    known = settings.dataset_id or settings.allowed_datasets
    datasets = [] if known else ["--any-dataset"]
    parts.append(Part("gateway", ["--port", str(port_base + 2), *datasets], gateway))
    parts.append(Part("monitor", ["--port", str(port_base)], monitor))
    keep_running(parts, lambda: _watch_broker(settings))


def _say_broker(settings: Settings) -> None:
    own = not settings.broker_url
    broker.url_of(settings, start=True)
    click.echo(f"{'broker':8} {f'embedded, data in {settings.home}' if own else 'LEADRELAY_BROKER_URL'}")


def _watch_broker(settings: Settings) -> None:
    if settings.broker_url or embedded.join(settings.home):
        return
    try:
        embedded.start_or_join(settings.home)
        click.echo("broker   had ended; it was started again on its data")
    except BrokerUnavailable as error:
        click.echo(str(error), err=True)
