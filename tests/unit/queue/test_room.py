"""How long there is room in the broker, by samples."""

from leadrelay.queue.room import headroom_of
from leadrelay.queue.samples import Sample

MEMORY = {"used_memory": 100_000_000, "maxmemory": 1_000_000_000}


def at(seconds, accepted):
    return Sample(seconds * 1000, accepted=accepted)


def test_without_samples_and_without_growth_there_is_no_end_in_sight():
    assert headroom_of([], at(1000, 500), MEMORY) is None
    assert headroom_of([at(900, 500)], at(1000, 500), MEMORY) is None


def test_an_end_in_more_than_a_month_is_none_in_sight():
    assert headroom_of([at(900, 0)], at(1000, 100), MEMORY) == round(800e6 / 600, 1)
    assert headroom_of([at(900, 0)], at(1000, 50), MEMORY) is None


def test_growth_is_that_of_the_last_minutes():
    assert headroom_of([at(0, 0), at(900, 100_000)], at(1000, 200_000), MEMORY) == round(800e6 / 600 / 1000, 1)


def test_a_queue_that_grows_without_workers_has_an_end_though_nobody_takes_samples():
    assert headroom_of([at(0, 0), at(100, 0)], at(1100, 1_000_000), MEMORY) == round(800e6 / 600 / 1000, 1)


def test_a_full_broker_has_no_room_whatever_is_known():
    assert headroom_of([], at(1, 0), {"used_memory": 950_000_000, "maxmemory": 1_000_000_000}) == 0
