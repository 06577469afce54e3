"""Named steps at which a test can kill this process, to show that no event is lost there.

Off unless `LEADRELAY_FAILPOINT` names one: ``name`` or ``name:N`` kills at the N-th pass (default 1).
"""

from __future__ import annotations

import os
import signal

#: Every step, in the order of an event's life.
NAMES = (
    "enqueue.before",
    "enqueue.after",
    "adopt",
    "adopt.after",
    "turn.before",
    "turn.after",
    "deliver",
    "attempt.before",
    "attempt.sent",
    "decision.made",
    "settle.before",
    "heartbeat.before",
    "rescue",
    "rescue.after",
    "close.before",
    "close.after",
)
#: Steps of an outbox's relay (`contrib.outbox.relay`), which not every producer has.
OUTBOX = ("outbox.sending", "outbox.sent", "outbox.advancing", "outbox.advanced")

_name, _, _count = os.environ.get("LEADRELAY_FAILPOINT", "").partition(":")
_left = int(_count or 1)


def failpoint(name: str) -> None:
    """Die by SIGKILL when this step is the one that the environment names."""
    global _left  # noqa: PLW0603 - a process-wide countdown
    if name != _name:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
