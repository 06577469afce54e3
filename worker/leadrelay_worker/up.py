"""`leadrelay up`: everything on one machine."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import click
from leadrelay import embedded
from leadrelay.errors import BrokerUnavailable
from leadrelay.settings import Settings

from leadrelay_worker.parts import ENDS, Part, check_installed, keep_running, url_of

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    """Run everything on this machine: broker, worker, gateway, monitor; Ctrl-C ends all of it."""
    settings = Settings.load()
    ports = {name: port_base + number for number, name in enumerate(("monitor", "sandbox", "gateway", "metrics"))}
    check_free({name: port for name, port in ports.items() if _listens(name, settings, with_sandbox=with_sandbox)})
    urls = {name: url_of("127.0.0.1", port) for name, port in ports.items()}
    if with_sandbox:
        os.environ["LEADRELAY_DESTINATION_URL"] = urls["sandbox"]
    if settings.http:
        urls["metrics"] = url_of(*settings.http)
    parts = _parts(settings, ports, urls, with_sandbox=with_sandbox)
    check_installed(parts)
    own = OwnBroker(settings)
    for number in ENDS:  # until the parts run
        signal.signal(number, signal.default_int_handler)
    try:
        click.echo(f"{'broker':8} {own.started()}")
        keep_running(parts, own.watch)
    except KeyboardInterrupt:
        pass
    finally:
        for number in ENDS:
            signal.signal(number, signal.SIG_IGN)
        own.end()


def check_free(ports: Mapping[str, int]) -> None:
    """Refuse to start where another program listens; raises ClickException.

    Args:
        ports: Of this machine, by what is to listen there.
    """
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                message = (
                    f"port {port}, for the {name}, is taken ({error.strerror}), perhaps by another `leadrelay up`: "
                    f"end that, or choose four other ports with --port-base"
                )
                raise click.ClickException(message) from None


def _listens(name: str, settings: Settings, *, with_sandbox: bool) -> bool:
    return with_sandbox if name == "sandbox" else name != "metrics" or not settings.http


def _parts(settings: Settings, ports: Mapping[str, int], urls: Mapping[str, str], *, with_sandbox: bool) -> list[Part]:
    destination = os.environ.get("LEADRELAY_DESTINATION_URL", settings.destination_url)
    metrics = urls["metrics"]
    note = f"delivers to {destination}; metrics at {metrics}/metrics"
    datasets = [] if settings.dataset_id or settings.allowed_datasets else ["--any-dataset"]
    sandbox = [Part("sandbox", ["--port", str(ports["sandbox"])], urls["sandbox"])] if with_sandbox else []
    return [
        *sandbox,
        Part("worker", ["--http", metrics.removeprefix("http://")], note),
        Part("gateway", ["--port", str(ports["gateway"]), *datasets], urls["gateway"]),
        Part("monitor", ["--port", str(ports["monitor"])], f"{urls['monitor']}/delivery"),
    ]


class OwnBroker:
    """The home's embedded broker while this command runs: started, started again, and ended if it was not there before.

    Args:
        settings: With a broker of their own there is nothing to do.
    """

    def __init__(self, settings: Settings) -> None:
        """See the class."""
        self._settings = settings
        self._ours = False

    def started(self) -> str:
        """Start or join it; gives where it is, for people. Errors as `embedded.start_or_join`."""
        if self._settings.broker_url:
            return "LEADRELAY_BROKER_URL"
        self._ours = not embedded.lives(self._settings.home)
        embedded.start_or_join(self._settings.home)
        return f"embedded, data in {self._settings.home}"

    def watch(self) -> None:
        """Start it again when it has ended."""
        if self._settings.broker_url or embedded.join(self._settings.home):
            return
        try:
            self._ours = self._ours or not embedded.lives(self._settings.home)
            embedded.start_or_join(self._settings.home)
            click.echo("broker   did not answer; it runs again on its data")
        except (BrokerUnavailable, OSError) as error:  # a full disk
            click.echo(str(error), err=True)

    def end(self) -> None:
        """End it if it was started here."""
        if self._ours:
            embedded.stop(self._settings.home)
