import pytest
from leadrelay_sandbox.faults import BadRule, Faults
from leadrelay_sandbox.server import answer, new_id, parameters

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


def test_parameters_query_first_and_both_charsets():
    assert parameters(b"a=1&b=%20x", b"a=2&c=Zo%EB&d") == {"a": "1", "b": " x", "c": "Zoë", "d": ""}


def test_answer_forms():
    assert answer("e1", {})[1] == b"e1"
    assert answer("e1", {"json": ""})[1] == b'{"eid": "e1"}'
    assert answer("e1", {"callback": "f", "json": ""})[1] == b'f({"eid": "e1"});'
    assert answer("e1", {"callback": "<script>"})[1] == b"e1"
    assert len(answer("e1", {"pix": "", "json": ""})[1]) == 43


def test_ids_are_hex():
    assert len(new_id()) == 32
