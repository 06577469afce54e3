"""Short forms of a broker's misfortunes."""

import pytest

from tests.chaos import brokers, clock, disk

#: Minutes of waiting for leases, schedules and clocks.
pytestmark = pytest.mark.slow


def test_restarts(play):
    verdict = play(brokers.restarts, 2, 3000)
    assert verdict.lost == []


def test_a_kill_with_an_fsync_under_way_loses_nothing_that_verify_does_not_say(play):
    verdict = play(brokers.slow_fsync, 1, 3000)
    assert verdict.said or not verdict.lost


def test_a_kill_on_a_slow_disk(play):
    verdict = play(brokers.slow_disk, 1, 2000)
    assert verdict.lost == []


def test_a_broker_that_hangs_for_longer_than_its_clients_wait(play):
    play(brokers.hangs, (7.0,), 2000)


def test_a_full_memory_refuses_and_is_emptied(play):
    play(brokers.full_memory, 6000)


@pytest.mark.parametrize("kind", disk.DISKS)
def test_a_full_disk_refuses_and_recovers(play, kind):
    verdict = play(disk.full, kind, "everysec", events=3000)
    assert verdict.lost == []


def test_a_broker_that_ends_on_a_full_disk_recovers(play):
    verdict = play(disk.full, "file size limit", "always", events=3000)
    assert verdict.done["restarts"] == 1


def test_a_clock_that_is_set_rescues_nothing_and_ages_nothing(play):
    verdict = play(clock.jumps, (30 * 86400, -3600), 2500)
    assert (verdict.done["rescued"], verdict.dead, verdict.duplicates) == (0, 0, 0)
