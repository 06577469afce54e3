"""Files of others: what Python's csv module writes is read back, and no bytes whatsoever are a crash."""

import contextlib
import csv
import gzip
import io

import redis
from hypothesis import example, given
from hypothesis import strategies as st
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent
from leadrelay.imports.formats import FORMATS, reading
from leadrelay.imports.record import MOST_BYTES, ImportMistake, Line, RejectedLine
from leadrelay.imports.shape import Shape
from leadrelay.imports.source import Source
from leadrelay.imports.table import DELIMITERS, Table
from leadrelay.queue import Queue
from leadrelay.settings import Settings

#: Any text that a file can hold; NUL is refused by design, and shown in the unit tests.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
#: The strip is ours too; a byte order mark is no part of a name.
names = texts.filter(lambda name: name and name == name.strip() and name[0] != "\ufeff")

CLIENT = Client(Settings(), Queue(redis.Redis()))  # never connected: it only renders
LOGGED = b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "M"'
PIECES = [
    *(bytes([byte]) for byte in b'",;\n\r\t\\a1={}[]:%&?\0\xff\x80'),
    *(
        b'{"ti": "a", "uid": "1"}',
        b'{"uid": "',
        b'"}',
        LOGGED,
        b"http://x/?ti=a",
        b"\xc3\xab",
        b"\xed\xa0\x80",
        b"\\ud800",
    ),
]


@st.composite
def tables(draw):
    columns = draw(st.lists(names, min_size=1, max_size=5, unique=True))
    cells = st.lists(texts, min_size=len(columns), max_size=len(columns))
    return columns, draw(st.lists(cells, max_size=8))


def lines_of(content):
    return (Line(number, raw) for number, raw in enumerate(io.BytesIO(content), 1))


@given(
    table=tables(),
    delimiter=st.sampled_from(DELIMITERS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\r\n", "\n"]),
)
@example((["a", "b"], [['two\nlines, "quoted"', " "], ["", "\r"]]), ",", csv.QUOTE_MINIMAL, "\r\n")
def test_what_the_csv_module_writes_is_read_back(table, delimiter, quoting, end):
    columns, rows = table
    if end == "\n" and "\r" in "".join(map("".join, [columns, *rows])):
        quoting = csv.QUOTE_ALL  # else it leaves \r bare where that is no line end, and cannot read it back itself
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows([columns, *rows])
    found = Table(lines_of(text.getvalue().encode()), delimiter, formulas=True)
    assert found.columns == tuple(columns)
    assert [record.read() for record in found.records()] == [
        dict(zip(columns, [cell or None for cell in row], strict=True)) for row in rows
    ]


@given(
    st.sampled_from(list(FORMATS.values())),
    st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=30).map(b"".join),
)
def test_any_bytes_become_events_or_rejected_lines(form, content):
    shapes = [
        Shape(default_si="d1", title="t", renamed={"uid": "uid"}),
        Shape(default_si="d1", title="t", anonymous=True),
    ]
    try:
        records = list(reading(form, lines_of(content)).records)
    except ImportMistake:
        assert form.name == "csv"
        return
    numbers = [record.number for record in records]
    assert numbers == sorted(set(numbers))
    for record in records:
        for shape in shapes:
            with contextlib.suppress(RejectedLine, InvalidEvent):
                named = shape.named(record.read())
                CLIENT.entry(shape.event(named, shape.id_of(named, record.key, 1)))


@given(content=st.binary(max_size=300), cut=st.integers(0, 400), packed=st.booleans())
def test_any_file_is_lines(tmp_path_factory, content, cut, packed):
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(gzip.compress(content)[:cut] if packed else content)
    source = Source(str(path))
    try:
        found = list(source.lines())
    except ImportMistake:
        return
    finally:
        source.close()
    assert all(len(line.raw) <= MOST_BYTES + 1 for line in found)
    if not any(line.fault for line in found):
        whole = (content, content.removeprefix(b"\xef\xbb\xbf"), path.read_bytes())
        assert b"".join(line.raw for line in found) in whole
