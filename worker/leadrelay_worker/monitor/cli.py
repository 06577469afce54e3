"""`leadrelay monitor`."""

from __future__ import annotations

import click

import leadrelay_worker.seal  # noqa: F401 - seals the environment


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--host", help="Where it listens.  [default: FLOWER_ADDRESS, else 127.0.0.1]")
@click.option("--port", type=int, help="[default: FLOWER_PORT, else 5555]")
@click.argument("options", nargs=-1, type=click.UNPROCESSED, metavar="[FLOWER OPTIONS]...")
def monitor(host: str | None, port: int | None, options: tuple[str, ...]) -> None:
    """Watch and steer delivery in a browser: Flower, with pages of leadrelay's own.

    Takes Flower's options (--basic_auth=NAME:PASSWORD, --url_prefix=, --read_only …) and FLOWER_* variables.
    """
    try:
        import flower  # noqa: F401, PLC0415 - takes long to load, as Celery does; `--help` need not wait

        from leadrelay_worker.app import load  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"`monitor` needs {error.name}: pip install 'leadrelay[monitor]'"
        raise click.ClickException(message) from None
    given = [f"--{name}={value}" for name, value in (("address", host), ("port", port)) if value is not None]
    load().start(["monitor", "--logging=WARNING", *given, *options])
