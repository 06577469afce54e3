"""From a state of a real broker, over what the exporter says of it, to the alert: the rules fit what is exported."""

import json

import pytest
from leadrelay.metrics import Exporter, Reader
from leadrelay.queue import Queue
from leadrelay.settings import Settings
from leadrelay.witness import Witness
from prometheus_client.parser import text_string_to_metric_families

from tests.ops.rules import RULES, promtool
from tests.ops.test_runbook import backlog, breaker, nothing, paused, unbalanced

#: What each state makes fire when it stays for three hours; nothing else may.
FIRES = {
    "nothing": (nothing, set()),
    "backlog": (backlog, {"LeadrelayNoWorkers"}),
    "paused": (paused, {"LeadrelayNoWorkers", "LeadrelayPausedLong"}),
    "breaker": (breaker(""), {"LeadrelayNoWorkers", "LeadrelaySendingStopped"}),
    "worker": (breaker("@worker/1-ab"), {"LeadrelayNoWorkers", "LeadrelayWorkerStopped"}),
    "unbalanced": (unbalanced, {"LeadrelayNoWorkers", "LeadrelayBooksUnbalanced"}),
}


def fired(text, folder):
    """Give the alerts that fire when a scrape stays as it is."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    series = [{"series": _series(sample), "values": f"{min(sample.value, 1e12):f}x200"} for sample in samples]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [{"expr": "ALERTS", "eval_time": "3h"}]}
    file = folder / "fires.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "tests": [test]}))
    said = promtool("test", "rules", str(file))
    return {part.split('"')[1] for part in (said.stdout + said.stderr).split("alertname=")[1:]}


def _series(sample):
    labels = ",".join(f'{name}="{value}"' for name, value in {**sample.labels, "instance": "a"}.items())
    return f"{sample.name}{{{labels}}}"


@pytest.mark.parametrize("state", FIRES)
def test_what_the_exporter_says_makes_the_right_alerts_fire(state, queue, broker, tmp_path):
    arrange, expected = FIRES[state]
    arrange(queue)
    settings = Settings.load({"LEADRELAY_BROKER_URL": broker.url})
    reader = Reader(Queue(queue.client, witness=Witness(tmp_path, "x")), settings)
    assert fired(Exporter(reader).render()[0].decode(), tmp_path) == expected


def test_a_broker_that_is_away_makes_its_alert_fire(tmp_path):
    from leadrelay.broker import connect  # noqa: PLC0415

    reader = Reader(Queue(connect("redis://127.0.0.1:1/0", 1)), Settings.load({}))
    assert fired(Exporter(reader).render()[0].decode(), tmp_path) == {"LeadrelayBrokerUnreachable"}
