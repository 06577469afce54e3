"""A Django application under gunicorn that loses its broker; the long form is `python -m tests.chaos.django_app`."""

import pytest

from tests.chaos.django_app import Plan, django_app

#: Takes a minute under load.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("threads", [1, 8], ids=["sync", "gthread"])
def test_requests_are_answered_and_every_event_arrives_in_order(tmp_path, threads):
    outcome = django_app(tmp_path, Plan(events=2000, rate=40, threads=threads))
    # How fast requests are is judged by hand, on a machine that does nothing else.
    assert [finding for finding in outcome.verdict.failures() if not finding.startswith("p99")] == []
    assert outcome.verdict.delivered == 2000
    assert outcome.verdict.done.items() >= {"restarts": 1, "hangs": 1, "fills": 1}.items()
