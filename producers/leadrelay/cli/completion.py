"""`leadrelay completion`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

if TYPE_CHECKING:
    from click.shell_completion import ShellComplete

_HOW = {
    "bash": 'eval "$(leadrelay completion bash)"  in ~/.bashrc',
    "zsh": 'eval "$(leadrelay completion zsh)"   in ~/.zshrc',
    "fish": "leadrelay completion fish > ~/.config/fish/completions/leadrelay.fish",
}


@click.command(epilog="\b\n" + "\n".join(_HOW.values()))
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands and options."""
    made: type[ShellComplete] | None = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "leadrelay", "_LEADRELAY_COMPLETE").source())
