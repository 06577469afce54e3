"""Whether this worker is alive and ready, by two moments: its event loop came round, the broker answered.

The endpoint is no part of it: a worker whose endpoint is away waits, and starting it again would not help.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

#: Seconds without a round of the loop, or without an answer of the broker, after which a worker is not ready: it would
#: not deliver now.
READY_S = 15.0
#: Seconds after which it is not alive: a restart may help. Longer than the longest pause that it survives by itself, a
#: hung broker (its calls give up after 5 s, its lease after 30 s).
LIVE_S = 60.0


def _now() -> float:
    return time.monotonic()


@dataclass
class Moment:
    """When something last happened.

    Args:
        at: Unix seconds, 0.0 before it ever did.
        monotonic: The same by a clock that nobody sets; the start of the process before it ever did.
    """

    at: float = 0.0
    monotonic: float = field(default_factory=_now)

    def note(self) -> None:
        """It happens now."""
        self.at, self.monotonic = time.time(), _now()

    def within(self, seconds: float) -> bool:
        """Whether it, or the start of the process, is at most so long ago."""
        return _now() - self.monotonic <= seconds


@dataclass
class Health:
    """The two moments of one worker process."""

    turned: Moment = field(default_factory=Moment)
    answered: Moment = field(default_factory=Moment)

    def trouble(self, within_s: float) -> list[str]:
        """Say what has not happened for so long, ``[]`` when all is well."""
        moments = {
            "the event loop does not turn (it may wait for the broker)": self.turned,
            "the broker does not answer": self.answered,
        }
        return [what for what, moment in moments.items() if not moment.within(within_s)]

    def live(self) -> list[str]:
        """Say why this worker is not alive, ``[]`` when it is."""
        return self.trouble(LIVE_S)

    def ready(self) -> list[str]:
        """Say why it is not ready, ``[]`` when it is."""
        begun = [] if self.answered.at else ["the broker has not answered yet"]
        return begun or self.trouble(READY_S)


health = Health()
