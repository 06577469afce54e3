"""`manage.py leadrelay …`: the command line with the settings of the project."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand

from leadrelay import cli
from leadrelay.contrib.django import conf


class Command(BaseCommand):
    """Hands all arguments to leadrelay's own command line."""

    help = "leadrelay's command line with this project's settings: status, drain, import …; --help lists them."
    requires_system_checks: tuple[str, ...] = ()  # an operator looks at the queue even if the project is unwell

    def run_from_argv(self, argv: list[str]) -> None:
        """Run a command.

        Args:
            argv: `manage.py`, `leadrelay`, and the command's own.
        """
        os.environ.update(conf.environment())  # what it starts (`up`) needs them too
        cli.main(argv[2:], f"{os.path.basename(argv[0])} leadrelay")  # noqa: PTH119 - a name, not a place

    def handle(self, *args: str, **_: Any) -> None:
        """Run a command for `call_command("leadrelay", "status")`."""
        self.run_from_argv(["manage.py", "leadrelay", *args])
