"""`leadrelay gateway`."""

from __future__ import annotations

import logging

import click

from leadrelay.gateway.rules import Rules, check_host
from leadrelay.gateway.server import listen, serve
from leadrelay.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; a name or an address.")
@click.option("--port", type=click.IntRange(0, 65535), default=8020, show_default=True, help="0 takes a free one.")
@click.option("--open", "open_to_all", is_flag=True, help="Take events from other machines without a secret.")
@click.option("--any-dataset", is_flag=True, help="Take events of every dataset, not only of the configured ones.")
def gateway(host: str, port: int, *, open_to_all: bool, any_dataset: bool) -> None:
    """Take events by HTTP, as LeadBoxer's Track API does, and put them into the queue."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    settings = Settings.load()
    rules = Rules.of(settings, any_dataset=any_dataset)
    check_host(host, rules, open_to_all=open_to_all)
    listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"http://{shown}:{listener.getsockname()[1]}")
    serve(settings, rules, listener)
