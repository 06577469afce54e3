"""Logging a failure that nobody expected, without the text of the exception: it may quote what an event holds."""

from __future__ import annotations

import logging
import traceback

logger = logging.getLogger(__name__)


def log_failure(what: str, error: BaseException) -> None:
    """Log what failed, by which kind of exception, and where."""
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s: %s\n%s", what, type(error).__name__, where)
