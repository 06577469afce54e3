import pytest
from leadrelay_sandbox.faults import BadRule, Faults

BAD_RULES = [1, {"status": 99}, {"x": 1}, {"share": "x"}, {"drop": "x"}, {"body": 1}, {"for_s": True}]


@pytest.mark.parametrize("document", [None, [], {}, {"rules": 1}, *({"rules": [rule]} for rule in BAD_RULES)])
def test_bad_rules_are_refused_whole(document):
    faults = Faults()
    faults.replace({"rules": [{"status": 503}]}, 0)
    with pytest.raises(BadRule):
        faults.replace(document, 0)
    assert len(faults.rules) == 1


def test_rules_match_by_time_share_and_event():
    faults = Faults()
    faults.replace({"rules": [{"status": 503, "for_s": 10, "share": 0.5, "ti": "a"}]}, 100)
    assert faults.match({"ti": "a"}, 105, 0.4)
    assert not faults.match({"ti": "a"}, 110, 0.4)
    assert not faults.match({"ti": "a"}, 105, 0.6)
    assert not faults.match({"ti": "b"}, 105, 0.4)
