"""`celery -A leadrelay_worker.celery monitor`: Flower's own command, with our application and safer defaults.

Celery imports this module into every `celery` command of the machine, so it loads Flower only when it is called.
"""

from __future__ import annotations

import os
from typing import Any

import click
from leadrelay.errors import ConfigurationError

from leadrelay_worker.monitor.secrets import read_secrets

#: Flower's options where we choose otherwise: it listens on every interface, and keeps 100,000 tasks (451 MB).
DEFAULTS: dict[str, Any] = {"address": "127.0.0.1", "max_tasks": 5000}


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[FLOWER OPTIONS]...")
@click.pass_context
def monitor(context: click.Context, options: tuple[str, ...]) -> None:
    """Watch and steer leadrelay's delivery in a browser: Flower, with pages of its own."""
    try:
        from flower import command  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"`monitor` needs {error.name}: pip install 'leadrelay[monitor]'"
        raise click.ClickException(message) from None
    from tornado.options import options as flowers  # noqa: PLC0415

    from leadrelay_worker.monitor.app import Monitor  # noqa: PLC0415

    if not hasattr(context.obj.app, "leadrelay"):
        raise click.UsageError("this is leadrelay's monitor: celery -A leadrelay_worker.celery monitor")
    unknown = [option for option in options if not command.is_flower_option(option)]
    if unknown:
        raise click.UsageError(f"{unknown[0]}: Flower has no such option; options are written --name=value")
    try:
        read_secrets(os.environ)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    for name, value in DEFAULTS.items():
        setattr(flowers, name, value)
    command.Flower = Monitor
    context.invoke(command.flower, tornado_argv=options)
