"""The Grafana dashboard: there is no Grafana here, so its structure, its metrics and each expression are tested."""

import json
from itertools import combinations

import pytest
from leadrelay.metrics.declared import TABLE

from tests.ops.rules import ROOT, metrics_of, promtool

DASHBOARD = json.loads((ROOT / "ops" / "grafana" / "leadrelay.json").read_text())
PANELS = DASHBOARD["panels"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_it_has_what_grafana_needs():
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= DASHBOARD.keys()
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["source", "queue"]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in PANELS:
        assert panel["type"] in ("stat", "timeseries", "table")
        assert panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "$source"}
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)


def test_panels_lie_side_by_side():
    for panel in PANELS:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
    for one, other in combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def test_it_shows_metrics_that_exist_and_every_one_of_the_queue_that_matters():
    shown, declared = metrics_of(EXPRESSIONS), {metric.name for metric in TABLE}
    assert shown <= declared
    assert len(shown) > len(declared) / 2


def test_each_expression_is_valid(tmp_path):
    def plain(text):
        return text.replace("$queue", "q").replace("$__rate_interval", "5m")

    rules = [{"record": f"panel:{number}", "expr": plain(text)} for number, text in enumerate(EXPRESSIONS)]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = promtool("check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(EXPRESSIONS)} rules found" in done.stdout


@pytest.mark.parametrize("broken", ["sum(leadrelay_up", "rate(leadrelay_up)"])
def test_promtool_would_notice(tmp_path, broken):
    file = tmp_path / "broken.yml"
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": [{"record": "a:b", "expr": broken}]}]}))
    assert promtool("check", "rules", str(file)).returncode != 0
