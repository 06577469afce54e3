import pytest
from leadrelay_sandbox.profile import MOST_NAMES, counts, offered, updated
from leadrelay_sandbox.switches import DEFAULTS


def test_the_protocols_own_names_are_never_copied():
    own = ["si", "eid", "sid", "uid", "ots", "otui", "proxy", "increment", "pix", "json", "callback", "_"]
    assert offered(dict.fromkeys([*own, "plan", "ti", ""], "x"), {}, DEFAULTS) == {"plan": True, "ti": True}


def test_the_last_value_wins_and_an_empty_one_replaces_nothing():
    profile = updated({}, offered({"plan": "free", "role": ""}, {}, DEFAULTS), 0)
    assert profile == {"plan": 0, "role": 0}
    profile = updated(profile, offered({"plan": "", "role": "cto"}, {}, DEFAULTS), 1)
    assert profile == {"plan": 0, "role": 1}
    overwriting = offered({"plan": ""}, {}, {**DEFAULTS, "empty_value": "overwrite"})
    assert updated(profile, overwriting, 2) == {"plan": 2, "role": 1}


def test_what_was_detected_replaces_under_an_empty_value_too():
    assert updated({"browser": 0}, offered({"browser": ""}, {"browser": "Firefox"}, DEFAULTS), 1) == {"browser": 1}


def test_names_beyond_ascii_stay_on_the_event():
    assert offered({"städt": "x"}, {}, DEFAULTS) == {}
    assert offered({"städt": "x"}, {}, {**DEFAULTS, "non_ascii_names": "propagate"}) == {"städt": True}


def test_a_profile_does_not_grow_without_end():
    full = {str(number): 0 for number in range(MOST_NAMES)}
    after = updated(full, {"one more": True, "5": True}, 1)
    assert len(after) == MOST_NAMES
    assert (after["5"], "one more" in after) == (1, False)


@pytest.mark.parametrize(
    ("params", "proxy", "duplicate", "switch", "counted"),
    [
        ({}, False, False, "merge", True),
        ({}, True, False, "merge", False),
        ({}, False, True, "merge", False),
        ({}, False, True, "count", True),
        ({}, True, True, "count", False),
        ({"increment": "false"}, False, False, "merge", False),
        ({"increment": "true"}, False, False, "merge", True),
        ({"increment": ""}, False, False, "merge", True),
    ],
)
def test_what_counts(params, proxy, duplicate, switch, counted):
    choices = {**DEFAULTS, "duplicate_eid": switch}
    assert counts(params, proxy=proxy, duplicate=duplicate, choices=choices) is counted
