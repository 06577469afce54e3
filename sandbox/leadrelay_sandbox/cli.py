"""`leadrelay sandbox`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import click
import uvicorn

from leadrelay_sandbox.protocol import SandboxProtocol
from leadrelay_sandbox.server import Sandbox
from leadrelay_sandbox.state import State
from leadrelay_sandbox.store import Store
from leadrelay_sandbox.switches import BadSwitch, parse

#: Connections that wait to be accepted.
_BACKLOG = 2048


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8018, show_default=True, help="0 takes a free one.")
@click.option("--store", "path", type=click.Path(path_type=Path), help="Keep what is received in this SQLite file.")
@click.option("--switch", "settings", multiple=True, metavar="NAME=VALUE", help="A choice that nothing documents.")
@click.option("--dataset", "datasets", multiple=True, metavar="SI", help="Register a dataset; others are then unknown.")
def sandbox(host: str, port: int, path: Path | None, settings: tuple[str, ...], datasets: tuple[str, ...]) -> None:
    """Run a stand-in LeadBoxer: the Track API at / and controls under /_sandbox/."""
    try:
        choices = parse(settings)
    except BadSwitch as error:
        raise click.BadParameter(str(error), param_hint="--switch") from None
    state = State(Store(path), choices, frozenset(datasets))
    listener = _listen(host, port)
    click.echo(f"http://{host}:{listener.getsockname()[1]}")
    # Forwarded headers are not looked at: a request's address is its connection's.
    options: dict[str, Any] = {"http": SandboxProtocol, "ws": "none", "proxy_headers": False, "server_header": False}
    quiet: dict[str, Any] = {"lifespan": "off", "log_level": "error", "access_log": False, "loop": "asyncio"}
    uvicorn.Server(uvicorn.Config(Sandbox(state), **options, **quiet)).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio sets no TCP_NODELAY
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)  # before the URL is told: whoever reads it may connect at once
    except OSError as error:
        message = f"cannot listen on {host}:{port} ({error.strerror}); choose another --host or --port"
        raise click.ClickException(message) from None
    return listener
