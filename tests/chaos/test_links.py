"""Short forms of links and endpoints at fault, and of everything at once."""

import time

import pytest

from tests.chaos import endpoint, links
from tests.chaos.run import Run
from tests.chaos.storm import storm

#: Minutes of waiting for leases, schedules and clocks.
pytestmark = pytest.mark.slow


def test_cut_connections(play):
    play(links.cuts, 6, 3000)


def test_lost_replies(play):
    play(links.lost_replies, 3, 4000)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_an_idle_worker_behind_a_half_open_connection_claims_again(tmp_path, direction):
    with Run(tmp_path, links=True) as run:
        run.start_worker()
        run.produce(20).child.wait(30)
        run.drain()
        run.links["worker"].half_open(direction)
        time.sleep(1)
        run.produce(21).child.wait(30)
        run.drain(25)


def test_an_endpoint_that_fails_in_every_way(play):
    play(endpoint.bursts, 2000, 0.3, names=[name for name in endpoint.FAULTS if "slow" not in name])


def test_everything_at_once(play):
    verdict = play(storm, 4, 1, 1500, "always")
    assert verdict.lost == []
