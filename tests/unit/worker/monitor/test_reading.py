import pytest
from leadrelay_worker.monitor.reading import because_of, filters_of, place_of, rate_of, reason_of
from tornado.web import HTTPError


def test_filters_are_texts_without_empty_ones():
    assert filters_of({"filters": {"reason": " refused ", "title": "", "user": None, "since": "2h"}}) == {
        "reason": "refused", "since": "2h"
    }  # fmt: skip
    assert filters_of({}) == {}


@pytest.mark.parametrize(
    ("given", "status"),
    [({"filters": {"eid": "x"}}, 400), ({"filters": "x"}, 400), ({"filters": {"until": "x"}}, 422)],
    ids=str,
)
def test_filters_that_are_none_are_refused(given, status):
    with pytest.raises(HTTPError) as refused:
        filters_of(given)
    assert refused.value.status_code == status


def test_a_place_is_where_the_answer_before_ended():
    assert place_of({"after": [5, 7]}) == (5, 7)
    assert place_of({"after": None}) == (0, 0)
    for wrong in ([1], [1, "2"], [1, True], "ab", {"a": 1}):
        with pytest.raises(HTTPError):
            place_of({"after": wrong})


def test_a_rate():
    assert [rate_of(given) for given in (None, "", "12.5", 3)] == [None, None, 12.5, 3.0]
    for wrong in ("0", -1, "fast", "nan", "inf", [1]):
        with pytest.raises(HTTPError, match="rate: "):
            rate_of(wrong)


def test_a_reason_is_one_line_of_bounded_length():
    assert reason_of({"reason": " of the\n\tendpoint "}) == "of the endpoint"
    assert len(reason_of({"reason": "x" * 1000})) == 200
    with pytest.raises(HTTPError, match="say why"):
        because_of({"because": " "})
