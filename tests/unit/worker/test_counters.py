import time

import pytest
from leadrelay_worker.counters import Counters
from leadrelay_worker.delivery.attempt import Result
from leadrelay_worker.delivery.retry import Decision


class Message:
    @property
    def accepted_ms(self):
        return int(time.time() * 1000) - 2500


@pytest.fixture
def counters():
    return Counters()


def said(counters, name, **labels):
    return counters.registry.get_sample_value(f"leadrelay_worker_{name}", labels)


def test_attempts_are_counted_by_outcome_reason_and_status(counters):
    delivered = Result(Decision("delivered"), "e", "accepted", "http_200", 0.03, status=200, identity=True)
    failed = Result(Decision("scheduled", "5000"), "e", "transient", "timeout", 8.0)
    for result in (delivered, delivered, failed):
        counters.attempted(result, Message())
    assert said(counters, "attempts_total", outcome="accepted", reason="http_200", status="200") == 2
    assert said(counters, "attempts_total", outcome="transient", reason="timeout", status="none") == 1
    assert said(counters, "attempt_seconds_bucket", outcome="accepted", le="0.025") == 0
    assert said(counters, "attempt_seconds_bucket", outcome="accepted", le="0.05") == 2
    assert said(counters, "attempt_seconds_sum", outcome="transient") == 8
    assert said(counters, "delivered_total", identity="yes", proxy="no") == 2


def test_only_what_was_delivered_has_a_time_to_delivery(counters):
    counters.attempted(Result(Decision("dead", "rejected"), "e", "rejected", "http_400", 0.03, status=400), Message())
    assert said(counters, "delivery_seconds_count") == 0
    counters.attempted(Result(Decision("delivered"), "e", "accepted", "http_200", 0.03), Message())
    assert said(counters, "delivery_seconds_bucket", le="1.0") == 0
    assert said(counters, "delivery_seconds_bucket", le="5.0") == 1


def test_what_was_handed_back_before_it_began_is_no_attempt(counters):
    counters.attempted(Result(Decision("ready"), "", "handed back", "sending stopped", 0.0), Message())
    assert not [family for family in counters.registry.collect() if family.name.endswith("attempts") and family.samples]
