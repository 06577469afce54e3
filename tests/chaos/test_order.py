"""Short form: order while heads of lanes fail and workers die."""

import pytest

from tests.chaos import order


@pytest.mark.slow
def test_each_users_events_arrive_in_order_but_for_those_told_stale(play):
    verdict = play(order.order, 4, 4000)
    assert verdict.done["gave_way"] > 0
    assert verdict.done["late_sends"] > 0
