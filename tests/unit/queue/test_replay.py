import pytest
from leadrelay.queue.dead import BATCH
from leadrelay.queue.replay import pause_s, step_size


@pytest.mark.parametrize(
    ("rate", "size"), [(None, BATCH), (0.1, 1), (1, 1), (4, 1), (10, 3), (100, 25), (10**6, BATCH)]
)
def test_a_step_is_a_quarter_of_a_second(rate, size):
    assert step_size(rate) == size


@pytest.mark.parametrize(
    ("rate", "moved", "elapsed", "pause"), [(None, 500, 0, 0), (10, 5, 0.1, 0.4), (10, 5, 3, 0), (0.5, 1, 0.5, 1.5)]
)
def test_pauses_come_to_the_rate(rate, moved, elapsed, pause):
    assert pause_s(rate, moved, elapsed) == pytest.approx(pause)
