import pytest
from leadrelay.imports.combined import NAMES, parse_combined
from leadrelay.imports.formats import FORMATS, guess, line_records, reading
from leadrelay.imports.jsonl import parse_jsonl
from leadrelay.imports.record import ISO_8859_1, UTF_8, ImportMistake, Line, RejectedLine, note
from leadrelay.imports.urls import parse_url

LINE = r'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a?b=1 HTTP/1.1" 200 20 "http://x.y/" "Moz \"q\" (X)"'


def lines(*raws):
    return (Line(number, raw) for number, raw in enumerate(raws, 1))


def outcome(record):
    try:
        return record.read()
    except RejectedLine as error:
        return str(error)


def test_a_combined_line():
    found = parse_combined(LINE, "https://shop.example/")
    assert found == {
        "ti": "GET /a",
        "ip": "1.2.3.4",
        "user_agent": 'Moz "q" (X)',
        "ref": "http://x.y/",
        "lc": "https://shop.example/a?b=1",
        "status": "200",
        "loggedAt": "2015-05-17T10:05:03+00:00",
    }
    assert found.keys() <= set(NAMES)


def test_a_name_is_no_address():
    found = parse_combined(LINE.replace("1.2.3.4", "crawler.example.com"))
    assert found["host"] == "crawler.example.com"
    assert "ip" not in found


@pytest.mark.parametrize(
    "line", ["", "x", LINE[:-1], LINE.replace("17/May", "99/May"), LINE.replace("GET /a?b=1 HTTP/1.1", "-"), '"' * 500]
)
def test_what_is_not_a_line_is_rejected(line):
    with pytest.raises(RejectedLine):
        parse_combined(line)


@pytest.mark.parametrize(
    "line",
    [
        '{"a": "\\ud800"}',
        '{"\\udfff": 1}',
        "",
        "[]",
        "{",
        "[" * 100_000,
        '{"a": NaN}',
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 2}}',
        '"text"',
        "7",
    ],
)
def test_json_lines_that_are_no_objects(line):
    with pytest.raises(RejectedLine):
        parse_jsonl(line)


def test_json_numbers_stay_as_they_are_written():
    line = '{"ti": "a", "userId": 7, "amount": 99.50, "big": 1e400, "id": %s, "yes": true, "no": null}' % ("9" * 5000)
    assert parse_jsonl(line) == {
        "ti": "a",
        "userId": "7",
        "amount": "99.50",
        "big": "1e400",
        "id": "9" * 5000,
        "yes": True,
        "no": None,
    }


def test_a_track_api_url():
    url = "https://log.leadboxer.com/?si=d1&ti=a+b&email=j%2Bd%40example.com&t_ms=1431857103000&json&_=7&ti=c\r"
    assert parse_url(url) == {"si": "d1", "ti": "a b", "email": "j+d@example.com", "t_ms": "1431857103000"}
    assert [parse_url(f"http://x/?proxy{value}") for value in ("", "=1", "=0")] == [
        {"proxy": "True"},
        {"proxy": "True"},
        {"proxy": "False"},
    ]


@pytest.mark.parametrize(
    "line", ["", "si=d1&ti=a", "ftp://x/?si=d1", "https://x/", "https://x/?", "https://x/?json", "https://x/#?si=1"]
)
def test_what_is_no_track_api_url_is_rejected(line):
    with pytest.raises(RejectedLine):
        parse_url(line)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", "csv"),
        ("A.CSV.GZ", "csv"),
        ("a.tsv", "csv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson.gz", "jsonl"),
        ("access.log", "combined"),
        ("access.log.gz", "combined"),
        ("a.urls", "urls"),
        ("-", None),
        ("a.gz", None),
        ("a.json", None),
        ("csv", None),
    ],
)
def test_the_format_by_the_name(name, form):
    assert guess(name) == form


def test_records_of_lines():
    found = list(line_records(lines(b'{"a": 1}\r\n', b"\n", b" \n", note(7, "not JSON"), b'{"a": 1}'), parse_jsonl))
    assert [(record.number, record.raw) for record in found] == [(1, b'{"a": 1}\r\n'), (5, b'{"a": 1}')]
    assert found[0].key == found[1].key
    assert found[0].read() == {"a": "1"}


@pytest.mark.parametrize(
    ("raw", "reason"), [(b'{"a": "\xff"}', "not UTF-8"), (b'{"a": "\0"}', "a NUL byte"), (b"{", "not JSON")]
)
def test_broken_lines_are_records_that_say_why(raw, reason):
    (record,) = line_records(lines(raw), parse_jsonl)
    assert outcome(record) == reason


def test_a_line_that_could_not_be_read_is_rejected():
    (record,) = line_records([Line(3, b"", "too long")], parse_jsonl)
    assert (record.number, outcome(record)) == (3, "too long")


def test_iso_8859_1_is_read_where_it_is_known_to_come():
    old, new = reading(FORMATS["urls"], lines(b"http://x/?ti=Zo\xeb", "http://x/?ti=Zoë".encode())).records
    assert (old.charset, new.charset) == (ISO_8859_1, UTF_8)
    assert old.read() == new.read() == {"ti": "Zoë"}
    (record,) = reading(FORMATS["urls"], lines(b"http://x/?ti=\x80")).records
    assert "Windows-1252" in outcome(record)


def test_readings():
    assert reading(FORMATS["jsonl"], lines(b"{}")).columns is None
    assert reading(FORMATS["csv"], lines(b"a,b\n", b"1,2\n")).columns == ("a", "b")
    combined = reading(FORMATS["combined"], lines(LINE.encode()), base_url="https://s")
    assert combined.columns == NAMES
    assert next(combined.records).read()["lc"] == "https://s/a?b=1"
    with pytest.raises(ImportMistake):
        reading(FORMATS["csv"], lines())
