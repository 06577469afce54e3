import pytest
from leadrelay.imports.combined import parse_combined
from leadrelay.imports.jsonl import parse_jsonl
from leadrelay.imports.rejected import RejectedLine

LINE = r'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a?b=1 HTTP/1.1" 200 20 "http://x.y/" "Moz \"q\" (X)"'


def test_a_combined_line():
    assert parse_combined(LINE, "https://shop.example/") == {
        "ti": "GET /a",
        "ip": "1.2.3.4",
        "user_agent": 'Moz "q" (X)',
        "ref": "http://x.y/",
        "lc": "https://shop.example/a?b=1",
        "status": "200",
        "loggedAt": "2015-05-17T10:05:03+00:00",
    }


@pytest.mark.parametrize(
    "line", ["", "x", LINE[:-1], LINE.replace("17/May", "99/May"), LINE.replace("GET /a?b=1 HTTP/1.1", "-"), '"' * 500]
)
def test_what_is_not_a_line_is_rejected(line):
    with pytest.raises(RejectedLine):
        parse_combined(line)


@pytest.mark.parametrize("line", ["", "[]", "{", '{"x": 1}', '{"ti": 5}', "[" * 100_000])
def test_json_lines_that_are_no_events(line):
    with pytest.raises(RejectedLine):
        parse_jsonl(line)


def test_a_json_line():
    assert parse_jsonl('{"ti": "a", "userId": 7}') == {"ti": "a", "userId": 7}
