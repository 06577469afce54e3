"""The short form of the chaos run: every named step once, a few random kills, and the broker's own misfortunes."""

import pytest
from leadrelay.failpoints import NAMES

from tests.chaos.run import at_failpoint, broker_restarts, full_broker, random_kills, stopped_past_lease


def assert_nothing_lost(verdict):
    assert verdict.lost == []
    assert verdict.two_eids == []
    assert verdict.findings == []
    assert verdict.waiting == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_every_named_step(tmp_path, name):
    verdict = at_failpoint(tmp_path, name)
    assert_nothing_lost(verdict)
    assert verdict.out_of_order == 0


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_random_kills(tmp_path, pool):
    run, verdict = random_kills(tmp_path, 3, 6000, pool)
    assert_nothing_lost(verdict)
    assert verdict.out_of_order == 0
    assert verdict.duplicates <= run.kills * 32


def test_a_worker_that_slept_past_its_lease_moves_nothing_twice(tmp_path):
    run, verdict = stopped_past_lease(tmp_path, 2)
    assert_nothing_lost(verdict)
    assert verdict.out_of_order == 0
    assert run.late > 0


def test_broker_restarts(tmp_path):
    _, verdict = broker_restarts(tmp_path, 2, 5000)
    assert_nothing_lost(verdict)


def test_a_full_broker_refuses_and_is_emptied(tmp_path):
    _, verdict, refused = full_broker(tmp_path)
    assert refused
    assert_nothing_lost(verdict)
