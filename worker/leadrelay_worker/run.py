"""`leadrelay run`: what one container runs against a broker of its own place."""

from __future__ import annotations

import click
from leadrelay.gateway.rules import Rules, check_host
from leadrelay.settings import Settings, read_address

from leadrelay_worker.parts import Part, keep_running, url_of


class _Address(click.ParamType):
    name = "address"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        try:
            return read_address(value)
        except ValueError:
            self.fail(f"{value!r} is not HOST:PORT", param, ctx)


@click.command()
@click.option(
    "--http",
    type=_Address(),
    metavar="HOST:PORT",
    default="0.0.0.0:8012",
    show_default=True,
    help="Metrics and probes of the worker; a port alone is on loopback, 0.0.0.0 is every interface.",
)
@click.option(
    "--gateway",
    "gateway_at",
    type=_Address(),
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
    keep_running(parts)
