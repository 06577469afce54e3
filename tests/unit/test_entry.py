from leadrelay.entry import batches
from leadrelay.event import Event


def size_of(event):
    return len(event.rendered)


def test_batches_hold_a_thousand_events_or_a_megabyte():
    small = [Event("e", {}, b"x")] * 2500
    assert [len(batch) for batch in batches(small, size_of)] == [1000, 1000, 500]
    large = [Event("e", {}, b"x" * 400_000)] * 5
    assert [len(batch) for batch in batches(large, size_of)] == [2, 2, 1]
