"""An application and relays that are killed: `python -m tests.integration.transactions.crash NAME URL KIND ROUNDS`.

Every transaction writes an order and its event. At the end, the orders that the database has are printed, as JSON.
Children are forked, so that each kill costs milliseconds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from leadrelay import broker, failpoints
from leadrelay.contrib.outbox.relay import Relay
from leadrelay.handover.sender import Sender
from leadrelay.settings import Settings

from tests.chaos.processes import until
from tests.integration.transactions.conftest import drain
from tests.integration.transactions.frameworks import FRAMEWORKS

if TYPE_CHECKING:
    from collections.abc import Callable

_USERS = 5


def forked(work: Callable[[], None]) -> int:
    """Run in a child, which ends by SIGKILL if it does not die before."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - the parent sees the code
        print(repr(error), file=sys.stderr)
        os._exit(1)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def reaped(child: int) -> None:
    """Wait for a child; any end but SIGKILL is an error."""
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"a child failed with {os.waitstatus_to_exitcode(status)}"


def order(framework: Any, number: int, *, commits: bool = True) -> None:
    """Write an order and its event in one transaction."""
    writer = framework.writer()
    writer.begin()
    writer.fetch(f"INSERT INTO orders (id) VALUES ({number}) RETURNING id")
    writer.track("order", userId=str(number % _USERS), n=number)
    if commits:
        writer.commit()


def relay(framework: Any, failpoint: str = "") -> None:
    """Relay until nothing waits, or until the failpoint is reached."""
    failpoints._name, failpoints._left = failpoint, 1
    drain(Relay(Sender(broker.open_queue(Settings.load())), framework.store()))


def forget_eids() -> None:
    """Make the queue forget which events it had, as many others in between would."""
    queue = broker.open_queue(Settings.load())
    queue.client.delete(queue.keys.name("recent"), queue.keys.name("recent_old"))
    queue.client.close()


def steps(framework: Any, rounds: int) -> None:
    """Kill the application after each commit, now and then before it, and a relay at each of its steps in turn."""
    for number in range(rounds):
        reaped(forked(lambda number=number: order(framework, number, commits=number % 5 != 4)))
        at = (*failpoints.OUTBOX, "enqueue.before", "enqueue.after")[number % (len(failpoints.OUTBOX) + 2)]
        reaped(forked(lambda at=at: relay(framework, at)))
        forget_eids()


def storm(framework: Any, rounds: int) -> None:
    """Kill two relays at random moments while an application writes."""
    dice = random.Random(rounds)

    def writes() -> None:
        for number in range(rounds * 20):
            order(framework, number)

    def relays() -> None:
        while True:
            relay(framework)
            time.sleep(0.001)

    writer = forked(writes)
    killed, running = 0, [forked(relays), forked(relays)]
    while killed < rounds:
        time.sleep(0.02 + dice.random() * 0.1)
        victim = running.pop(0)
        os.kill(victim, signal.SIGKILL)
        reaped(victim)
        forget_eids()
        killed += 1
        running.append(forked(relays))
    reaped(writer)
    for child in running:
        os.kill(child, signal.SIGKILL)
        reaped(child)


def load_everything(framework: Any) -> None:
    """Import here what each child would else import for itself."""
    writer = framework.writer()
    writer.begin()
    writer.track("never")
    writer.rollback()
    writer.close()
    framework.store().look()


def main() -> None:
    """Run, relay what is left, and print."""
    name, url, kind, rounds = sys.argv[1:]
    framework = FRAMEWORKS[name](url)
    framework.execute("CREATE TABLE orders (id int PRIMARY KEY)")
    load_everything(framework)
    framework.close()
    {"steps": steps, "storm": storm}[kind](framework, int(rounds))
    until(lambda: (relay(framework), framework.store().waiting() == 0)[1], "everything is relayed")
    writer = framework.writer()
    writer.begin()
    numbers = writer.fetch("SELECT count(*) FROM orders")
    highest = writer.fetch("SELECT max(id) FROM orders")
    writer.rollback()
    writer.close()
    print(json.dumps({"orders": numbers, "highest": highest}))


if __name__ == "__main__":
    main()
