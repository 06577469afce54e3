import pytest
from leadrelay_worker.flow.evidence import Row, bucket
from leadrelay_worker.flow.numbers import Numbers
from leadrelay_worker.flow.rate import next_rate

NUMBERS = Numbers()


def fresh(**numbers):
    return bucket(0, [Row("a", "w", outcome, "x", number) for outcome, number in numbers.items()])


@pytest.mark.parametrize(
    ("rate", "good", "seen", "seconds", "ceiling", "wanted"),
    [
        (1, 100, {"accepted": 1}, 1, None, (2, 100)),  # doubles below what was good
        (64, 100, {"accepted": 64}, 1, None, (100, 100)),
        (100, 100, {"accepted": 100}, 1, None, (105, 100)),  # then a twentieth of it a second
        (4, 4, {"accepted": 4}, 1, None, (5, 4)),  # at least one
        (100, 100, {"accepted": 200}, 2, None, (110, 100)),
        (64, 100, {"accepted": 64 * 60}, 60, None, (100, 100)),  # a long gap is no leap
        (100, 100, {"accepted": 100}, 1, 102, (102, 100)),  # never above the ceiling
        (100, 100, {}, 1, None, (100, 100)),
        (100, 100, {"accepted": 49}, 1, None, (100, 100)),  # not needed: nothing is learned
        (100, 100, {"accepted": 80, "throttled": 20}, 1, None, (72, 72)),
        (100, 100, {"throttled": 100}, 1, None, (1, 1)),  # never below the lowest
        (100, 100, {"accepted": 40, "transient": 60}, 1, None, (90, 90)),
        (100, 100, {"accepted": 60, "transient": 40}, 1, None, (105, 100)),  # used as long as most succeed
    ],
)
def test_additive_increase_multiplicative_decrease(rate, good, seen, seconds, ceiling, wanted):
    assert next_rate(rate, good, fresh(**seen), seconds, Numbers(max_rate=ceiling)) == pytest.approx(wanted)
