"""`leadrelay sandbox`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import click
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from leadrelay_sandbox.server import Sandbox
from leadrelay_sandbox.store import Store


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with a way for a fault to cut the connection under a request."""

    def on_message_begin(self) -> None:
        """Offer the cut to the application through the scope."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment] # uvicorn's own type names no extensions of others
        scope["extensions"] = {"leadrelay.cut": self.transport.abort}


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8018, show_default=True, help="0 takes a free one.")
@click.option(
    "--store", "path", type=click.Path(path_type=Path), help="Keep accepted events in this file of JSON lines."
)
def sandbox(host: str, port: int, path: Path | None) -> None:
    """Run a stand-in LeadBoxer: the Track API at / and controls under /_sandbox/."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else asyncio sets no TCP_NODELAY
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        message = f"cannot listen on {host}:{port} ({error.strerror}); choose another --port"
        raise click.ClickException(message) from None
    click.echo(f"http://{host}:{listener.getsockname()[1]}")
    config: dict[str, Any] = {"http": CuttableProtocol, "loop": "asyncio", "lifespan": "off", "log_level": "warning"}
    server = uvicorn.Server(uvicorn.Config(Sandbox(Store(path)), access_log=False, server_header=False, **config))
    server.run(sockets=[listener])
