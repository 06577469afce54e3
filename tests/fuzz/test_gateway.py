"""The short form of the fuzz run."""

from tests.fuzz.gateway import run


def test_two_thousand_requests_of_nonsense_lose_nothing_and_change_nothing(tmp_path):
    findings, memory = run(tmp_path, 2000, seed=7)
    assert findings.wrong == []
    assert len(memory) == 3
    assert len(findings.ids) > 500
    assert findings.statuses[400] > 50
