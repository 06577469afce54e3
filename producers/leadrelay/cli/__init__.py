"""The command line: one group; worker, monitor, up, sandbox and gateway join it through entry points when installed."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import click
from redis.exceptions import RedisError

from leadrelay.cli.audit import audit
from leadrelay.cli.completion import completion
from leadrelay.cli.dead import dead
from leadrelay.cli.doctor import doctor
from leadrelay.cli.exporter import exporter
from leadrelay.cli.failures import told
from leadrelay.cli.files import import_
from leadrelay.cli.forget import forget
from leadrelay.cli.report import report
from leadrelay.cli.sending import pause, rate, resume
from leadrelay.cli.spool import drain
from leadrelay.cli.status import status
from leadrelay.cli.top import top
from leadrelay.cli.trace import trace
from leadrelay.cli.track import track
from leadrelay.cli.verify import verify
from leadrelay.errors import LeadrelayError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Which extra a command of another package needs; the worker's for those not named.
_EXTRAS = {"gateway": "gateway", "monitor": "monitor", "outbox": "sqlalchemy", "sandbox": "sandbox", "up": "local"}


class Commands(click.Group):
    """Our commands, and those of the other packages, loaded only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return sorted(
            {*super().list_commands(ctx), *(entry.name for entry in entry_points(group="leadrelay.commands"))}
        )

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command, loading it if it is another package's."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        for entry in entry_points(group="leadrelay.commands", name=cmd_name):
            try:
                command: click.Command = entry.load()
            except ModuleNotFoundError as error:
                return _not_installed(cmd_name, error)
            return command
        return None

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; one that finds only now that its extra is not installed says so."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (error.name or "leadrelay").startswith("leadrelay"):
                raise
            raise _needs(ctx.invoked_subcommand or "", error) from None


def _needs(name: str, error: ModuleNotFoundError) -> click.ClickException:
    return click.ClickException(f"`{name}` needs {error.name}: {_install(name)}")


def _install(name: str) -> str:
    return f"pip install 'leadrelay[{_EXTRAS.get(name, 'worker')}]'"


def _not_installed(name: str, error: ModuleNotFoundError) -> click.Command:
    """Stand in for a command whose extra is not installed: it is listed, and says what it needs when it is called."""

    def say() -> None:
        raise _needs(name, error)

    anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    short = f"(not installed: {_install(name)})"
    return click.Command(name, callback=say, short_help=short, context_settings=anything, add_help_option=False)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="leadrelay")
def group() -> None:
    """Durable delivery of tracking events to LeadBoxer's Track API."""


for _command in (
    track, import_, status, verify, dead, audit, doctor, drain, exporter, forget, pause, resume, rate, report, top,
    trace, completion,
):  # fmt: skip
    group.add_command(_command)


def main(args: Sequence[str] | None = None, name: str | None = None) -> None:
    """Run the command line; a user's mistake is a sentence, never a stack trace.

    Args:
        args: Default: of this process.
        name: What the help calls the program.
    """
    try:
        sys.exit(group.main(args, name, standalone_mode=False) or 0)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (LeadrelayError, RedisError, OSError) as error:
        text, code = told(error)
        click.echo(f"leadrelay: {text}", err=True)
        sys.exit(code)
