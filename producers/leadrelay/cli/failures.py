"""Failures of a command, as a sentence and an exit code: what happened, which input, what to do."""

from __future__ import annotations

from pathlib import Path

from leadrelay.cli.common import EXIT_UNREACHABLE, EXIT_USAGE
from leadrelay.errors import BrokerUnavailable, ConfigurationError, LeadrelayError
from leadrelay.settings import Settings

#: Characters of a broker's answer that are shown: what follows may be arguments.
_MOST = 120


def told(error: Exception) -> tuple[str, int]:
    """Give the sentence for an error and the exit code.

    Args:
        error: Of ours, of redis-py, or of the system.
    """
    if isinstance(error, BrokerUnavailable):
        text, shown = str(error), Settings.load(lenient=True).broker_shown()
        return text if "LEADRELAY_BROKER_URL" in text else f"{text}; check {shown}", EXIT_UNREACHABLE
    if isinstance(error, LeadrelayError):
        return str(error), EXIT_USAGE if isinstance(error, ConfigurationError) else 1
    if isinstance(error, OSError):
        return _of_system(error), 1
    answer = " ".join(str(error).split()).partition(",")[0][:_MOST]
    return f"the broker answered with an error ({type(error).__name__}: {answer}); see leadrelay doctor", 1


def _of_system(error: OSError) -> str:
    what = error.strerror or type(error).__name__
    if error.filename is None:
        return f"the system refused: {what}"
    path, home = Path(str(error.filename)), Settings.load(lenient=True).home
    ours = path.absolute() == home or home in path.absolute().parents
    where = (
        "LEADRELAY_HOME says where leadrelay keeps its files" if ours else "name another file, or see its permissions"
    )
    return f"{path}: {what}; {where}"
