"""SIGKILL between commit and relay, between enqueue and delete, and anywhere: each committed event is accepted once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from leadrelay.queue.books import read_books

from tests.integration.transactions.frameworks import FRAMEWORKS


def crash(name, url, kind, rounds):
    line = [sys.executable, "-m", "tests.integration.transactions.crash", name, url, kind, str(rounds)]
    done = subprocess.run(
        line, env=os.environ | {"PYTHONPATH": str(Path.cwd())}, capture_output=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return json.loads(done.stdout)


def accepted_orders(accepted):
    """Give the orders in the queue by user, in order."""
    users = {}
    for message in accepted.messages():
        event = json.loads(message.payload)
        users.setdefault(event["userId"], []).append(int(event["n"]))
    return users


@pytest.mark.parametrize("name", sorted(FRAMEWORKS))
@pytest.mark.parametrize(
    ("kind", "rounds"), [("steps", 15), ("storm", 30), pytest.param("steps", 100, marks=pytest.mark.slow)]
)
def test_each_committed_order_is_accepted_once_and_in_order(name, kind, rounds, url, accepted):
    told = crash(name, url, kind, rounds)
    users = accepted_orders(accepted)
    numbers = sorted(number for orders in users.values() for number in orders)
    expected = [n for n in range(rounds) if n % 5 != 4] if kind == "steps" else list(range(rounds * 20))
    assert numbers == expected
    assert told == {"orders": len(expected), "highest": max(expected)}
    assert all(orders == sorted(orders) for orders in users.values())
    books = read_books(accepted.queue)
    assert (books.accepted, books.balanced) == (len(expected), True)
