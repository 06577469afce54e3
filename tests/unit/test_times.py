import pytest
from leadrelay.times import read_moment, read_span

NOW = 1_800_000_000_000


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("30m", 1800), (" 2h ", 7200), ("90d", 7_776_000)])
def test_spans(text, seconds):
    assert read_span(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "2w", "-2h", "1.5h"])
def test_what_is_no_span_is_said(text):
    with pytest.raises(ValueError, match="30m"):
        read_span(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2h", NOW - 7_200_000),
        ("1970-01-02", 86_400_000),
        ("1970-01-01T01:00:00", 3_600_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 00:00:01Z", 1000),
    ],
)
def test_moments(text, ms):
    assert read_moment(text, NOW) == ms


def test_what_is_no_moment_is_said():
    with pytest.raises(ValueError, match="2h"):
        read_moment("tomorrow", NOW)
