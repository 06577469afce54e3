"""`leadrelay track`."""

from __future__ import annotations

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, show
from leadrelay.client import Client
from leadrelay.settings import Settings


@click.command()
@click.argument("title")
@click.argument("properties", nargs=-1, metavar="[NAME=VALUE]...")
@json_option
def track(title: str, properties: tuple[str, ...], *, as_json: bool) -> None:
    """Track one event and print its id, e.g.: leadrelay track invoice_paid userId=42 amount=99.50"""  # noqa: D415
    wire: dict[str, str] = {}
    for text in properties:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError("properties are written NAME=VALUE")
        wire[name] = value
    settings = Settings.load()
    client = Client(settings, broker.open_queue(settings))
    event = client.make(title, wire)
    receipts = client.track([event], budget_s=10)
    if client.queue.witness:
        client.queue.witness.flush()
    if as_json:
        show({"eid": event.eid, "duplicate": any(receipt.duplicate for receipt in receipts)})
    else:
        click.echo(event.eid)
