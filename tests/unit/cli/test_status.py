"""What `status` says of catching up."""

import pytest
from leadrelay.catchup import Estimate
from leadrelay.cli.status import _when


@pytest.mark.parametrize(
    ("caught_up", "said"),
    [
        (Estimate(0.0, later=1200), "now, but for 1,200 scheduled for later"),
        (Estimate(90.0, "at best"), "in about 1.5 min (at best)"),
        (Estimate(90.0, later=3), "in about 1.5 min, 3 scheduled for later"),
        (Estimate(None, "paused"), "nobody can say when: paused"),
    ],
)
def test_when_nothing_will_wait(caught_up, said):
    assert _when(caught_up) == said
