import pytest
from leadrelay.trackapi.proxy import ASKED, TABLE, is_set, sends_proxy


def test_the_table_decides_every_case():
    assert {(row.asked, row.visitor) for row in TABLE} == {
        (asked, visitor) for asked in ASKED.values() for visitor in (True, False)
    }


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_what_is_sent_is_what_is_not_counted(row):
    assert sends_proxy(row.asked, visitor=row.visitor) is row.sent
    assert row.counted is not row.sent


@pytest.mark.parametrize(("text", "set_"), [("true", True), ("", True), ("yes", True), ("False", False), ("0", False)])
def test_being_present_is_enough_in_a_url(text, set_):
    assert is_set(text) is set_
