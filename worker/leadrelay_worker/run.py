"""`leadrelay run`: what one container runs against a broker of its own place."""

from __future__ import annotations

import click
from leadrelay import readers
from leadrelay.gateway.rules import Rules, check_host
from leadrelay.settings import Settings

from leadrelay_worker.parts import Part, check_installed, keep_running, url_of


def _address(_: click.Context, option: click.Parameter, text: str | None) -> tuple[str, int] | None:
    try:
        return readers.address(text) if text else None
    except ValueError:
        raise click.BadParameter(f"{text!r} is not HOST:PORT", param=option) from None


@click.command()
@click.option(
    "--http",
    callback=_address,
    metavar="HOST:PORT",
    default="0.0.0.0:8012",
    show_default=True,
    help="Metrics and probes of the worker; a port alone is on loopback, 0.0.0.0 is every interface.",
)
@click.option(
    "--gateway",
    "gateway_at",
    callback=_address,
    metavar="HOST:PORT",
    help="Serve the Track API too; read as for --http. Reached from elsewhere it needs LEADRELAY_GATEWAY_SECRET.",
)
def run(http: tuple[str, int], gateway_at: tuple[str, int] | None) -> None:
    """Run a worker with metrics, and a gateway if asked for, in one container; SIGTERM ends it within 15 s."""
    settings = Settings.load()
    if not settings.broker_url:
        raise click.UsageError("`run` is for a broker elsewhere: set LEADRELAY_BROKER_URL, or use `leadrelay up`")
    metrics = url_of(*http)
    note = f"delivers to {settings.destination_url}; metrics at {metrics}/metrics"
    parts = [Part("worker", ["--http", metrics.removeprefix("http://")], note)]
    if gateway_at:
        host, port = gateway_at
        check_host(host, Rules.of(settings), open_to_all=False)  # said now, not by a part that ends again and again
        parts.append(Part("gateway", ["--host", host, "--port", str(port)], url_of(host, port)))
    check_installed(parts)
    keep_running(parts)
