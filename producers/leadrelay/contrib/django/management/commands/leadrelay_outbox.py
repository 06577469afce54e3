"""`manage.py leadrelay_outbox`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from leadrelay.cli.common import EXIT_UNREACHABLE
from leadrelay.contrib.django.outbox import DjangoStore
from leadrelay.contrib.outbox.command import run
from leadrelay.errors import BrokerUnavailable, LeadrelayError

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Moves the outbox's events into the queue, until it is stopped."""

    help = "Move the events of the outbox into the queue, until SIGTERM or Ctrl-C. Several may run."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, help="Alias of the database.")
        parser.add_argument("--once", action="store_true", help="End when nothing that is committed waits.")
        parser.add_argument("--json", action="store_true", dest="as_json", help="For machines.")

    def handle(self, *, database: str, once: bool, as_json: bool, **_: Any) -> None:
        """Run; exit codes as of `leadrelay`."""
        try:
            code = run(DjangoStore(database), once=once, as_json=as_json)
        except LeadrelayError as error:
            code = EXIT_UNREACHABLE if isinstance(error, BrokerUnavailable) else 1
            raise CommandError(str(error), returncode=code) from error
        if code:
            sys.exit(code)
