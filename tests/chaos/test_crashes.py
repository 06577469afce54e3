"""Short forms: every named step once, a few random kills of workers and children, sleepers."""

import pytest
from leadrelay.failpoints import NAMES

from tests.chaos import crashes


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_every_named_step(play, name):
    play(crashes.at_failpoint, name)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_random_kills(play, pool):
    play(crashes.random_kills, 3, 6000, pool)


def test_kills_of_several_workers_at_once(play):
    play(crashes.random_kills, 4, 4000, workers=2)


def test_kills_of_workers_and_broker_in_turn(play):
    verdict = play(crashes.kills_and_restarts, 3, 1, 2000, "always")
    assert verdict.done["restarts"] == 1
    assert verdict.lost == []


def test_kills_of_single_children(play):
    verdict = play(crashes.children, 4, 0, 3000)
    assert verdict.done["child kills"] == 4


def test_a_worker_that_slept_past_its_lease_moves_nothing_twice(play):
    verdict = play(crashes.stopped_past_lease, 2)
    assert verdict.done["late"] > 0
