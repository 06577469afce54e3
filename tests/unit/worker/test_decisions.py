from datetime import UTC, datetime

import pytest
from leadrelay_worker.delivery.classify import TABLE, Rule, classify
from leadrelay_worker.delivery.outcome import Seen, Verdict
from leadrelay_worker.delivery.retry import DEFAULT, backoff, decide, read_retry_after

EID = "a" * 32


@pytest.mark.parametrize(
    ("seen", "outcome", "reason"),
    [
        (Seen(200, EID.encode()), "accepted", "http_200"),
        (Seen(201, b'{"eid": "abcdef12"}'), "accepted", "http_201"),
        (Seen(200, b"<html>parked</html>"), "misconfigured", "not_an_id"),
        (Seen(204), "misconfigured", "not_an_id"),
        *((Seen(status), "transient", f"http_{status}") for status in (408, 425, 500, 502, 503, 599)),
        (Seen(429), "throttled", "http_429"),
        (Seen(503, retry_after="5"), "throttled", "http_503"),
        *((Seen(status), "misconfigured", f"http_{status}") for status in (301, 302, 401, 403, 404, 407, 410)),
        *((Seen(status), "rejected", f"http_{status}") for status in (400, 413, 414, 415, 422, 418)),
        *(
            (Seen(failure=failure), "transient", failure)
            for failure in ("timeout", "connect", "cut", "internal:KeyError")
        ),
        *((Seen(failure=failure), "misconfigured", failure) for failure in ("dns", "tls")),
    ],
)
def test_the_outcome_table(seen, outcome, reason):
    verdict = classify(seen, EID)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_another_id_is_flagged():
    assert classify(Seen(200, b"abcdef12"), EID).other_id
    assert not classify(Seen(200, EID.encode()), EID).other_id


def test_users_put_rules_in_front():
    assert classify(Seen(404), EID, [Rule("transient", 404), *TABLE]).outcome == "transient"


def test_every_status_is_decided():
    assert all(classify(Seen(status), EID).reason != "unmatched" for status in range(100, 1000))


@pytest.mark.parametrize(("attempt", "wait"), [(1, 5), (2, 10), (3, 20), (10, 2560), (11, 3600), (500, 3600)])
def test_backoff_doubles_to_an_hour(attempt, wait):
    assert backoff(attempt, 0.0) == wait
    assert wait < backoff(attempt, 0.99) <= wait * 1.25


TRANSIENT = Verdict("transient", "http_503")


@pytest.mark.parametrize(
    ("verdict", "attempt", "age_ms", "hint", "kind", "argument"),
    [
        (Verdict("accepted", ""), 1, 0, None, "delivered", ""),
        (Verdict("rejected", ""), 1, 0, None, "dead", "rejected"),
        (TRANSIENT, 1, 0, None, "scheduled", "5000"),
        (TRANSIENT, 1, 0, 120.0, "scheduled", "120000"),
        (TRANSIENT, 3, 0, 1.0, "scheduled", "20000"),
        (TRANSIENT, 1, 0, 10**9, "scheduled", "36000000"),
        (TRANSIENT, 30, 7 * 86400 * 1000 - 3_600_000, None, "dead", "expired"),
        (Verdict("misconfigured", ""), DEFAULT.misconfigured_attempts - 1, 0, None, "scheduled", "3600000"),
        (Verdict("misconfigured", ""), DEFAULT.misconfigured_attempts, 0, None, "dead", "refused"),
    ],
)
def test_the_retry_policy(verdict, attempt, age_ms, hint, kind, argument):
    decision = decide(verdict, attempt, age_ms, 0.0, hint)
    assert (decision.kind, decision.argument) == (kind, argument)


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("-3", 0.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2020 00:00:30 GMT", 0.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(text, seconds):
    assert read_retry_after(text, NOW) == seconds
