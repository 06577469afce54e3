"""Setting a breaker by hand, as the controller would."""

from leadrelay.queue.valve import Breaker, change


def set_breaker(queue, key, state, **more):
    change(queue, "me", "", [("breaker", *Breaker(key, state, "test", **more).arguments(record=True))])
