"""The alert rules: valid, tested by promtool, over metrics that exist, each with its page of the runbook."""

import re

import pytest
from leadrelay.metrics.declared import TABLE

from tests.ops.rules import RULES, RUNBOOK, alerts, metrics_of, promtool

DECLARED = {metric.name for metric in TABLE}
PAGES = {
    "LeadrelayHeadroomLow",
    "LeadrelayNoWorkers",
    "LeadrelayBooksUnbalanced",
    "LeadrelayBrokerLostEvents",
    "LeadrelayDeadLettersRising",
}


@pytest.mark.parametrize("command", [("check", "rules"), ("test", "rules")], ids=" ".join)
def test_promtool_is_content(command):
    file = RULES if command[0] == "check" else RULES.with_name("rules_test.yml")
    done = promtool(*command, str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_test_in_which_it_fires():
    tested = (RULES.with_name("rules_test.yml")).read_text()
    assert not [
        name for name in alerts() if not re.search(rf"alertname: {name}\n +eval_time: \S+\n +exp_alerts:\n", tested)
    ]


def test_rules_name_metrics_that_are_declared():
    assert metrics_of(alerts().values()) <= DECLARED


def test_few_alerts_wake_somebody():
    assert {name for name, text in alerts().items() if "severity: page" in text} == PAGES
    assert all("severity: page" in text or "severity: ticket" in text for text in alerts().values())


def test_alerts_and_pages_of_the_runbook_are_the_same():
    assert {file.stem for file in RUNBOOK.glob("Leadrelay*.md")} == set(alerts())
    for name, text in alerts().items():
        assert f"runbook: docs/runbook/{name}.md\n" in text
