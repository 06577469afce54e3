import pytest
from leadrelay.imports.record import ISO_8859_1, MOST_BYTES, UTF_8, ImportMistake, Line, RejectedLine, note
from leadrelay.imports.table import Table, guess_delimiter


def table(*raws, **options):
    return Table((Line(number, raw) for number, raw in enumerate(raws, 1)), **options)


def rows(*raws, header=b"a,b\n", **options):
    """Give each row by number: its values, or why it is rejected."""
    found = {}
    for record in table(header, *raws, **options).records():
        try:
            found[record.number] = record.read()
        except RejectedLine as error:
            found[record.number] = str(error)
    return found


def test_rows_by_column():
    assert rows(b"1,2\r\n", b'"x, ""y""",\n', b"3,4") == {
        2: {"a": "1", "b": "2"},
        3: {"a": 'x, "y"', "b": None},
        4: {"a": "3", "b": "4"},
    }


def test_a_quoted_field_over_several_lines_is_one_record():
    (record, after) = table(b"a,b\n", b'1,"two\n', b"\n", b'lines"\n', b"3,4\n").records()
    assert record.read() == {"a": "1", "b": "two\n\nlines"}
    assert (record.number, record.raw) == (2, b'1,"two\n\nlines"\n')
    assert after.number == 5


def test_blank_lines_and_notes_are_passed_over():
    assert rows(b"\n", note(9, "2 fields"), b"1,2\n", b"\r\n") == {4: {"a": "1", "b": "2"}}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"1\n", "1 fields, where the header has 2"),
        (b"1,2,3\n", "3 fields, where the header has 2"),
        (b'"1"x,2\n', "text follows a closing quote"),
        (b'1,"2\n', "a quoted field is not closed"),
        (b"1,\0\n", "a NUL byte"),
        (b"1,\x80\n", "neither UTF-8 nor ISO-8859-1 (perhaps Windows-1252: save the file as UTF-8)"),
        (b"1," + b"x" * 200_000, "a field is longer than 131,072 characters"),
        (b"1\r2,3\n", "not a row of CSV"),
    ],
)
def test_a_broken_row_costs_one_line(raw, reason):
    assert rows(raw, b"3,4\n", b'"5","6"\n') == {2: reason, 3: {"a": "3", "b": "4"}, 4: {"a": "5", "b": "6"}}


def test_an_open_quote_does_not_swallow_a_large_file():
    many = [b"%d,x\n" % number for number in range(100_000)]
    found = rows(b'0,"open\n', *many)
    assert found[2] == "a quoted field is not closed"
    assert len(found) == 1 + len(many)
    assert sum(isinstance(values, str) for values in found.values()) == 1


def test_a_line_that_is_too_long_is_rejected_by_itself():
    lines = iter([Line(1, b"a,b\n"), Line(2, b"x" * MOST_BYTES, "too long"), Line(3, b"1,2\n")])
    broken, whole = Table(lines).records()
    with pytest.raises(RejectedLine, match="too long"):
        broken.read()
    assert whole.read() == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    "cell", ["=1+1", "=", "+SUM(1)", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "#REF!", "#N/A", "#NAME?", "#DIV/0!"]
)
def test_what_looks_like_a_formula_is_rejected(cell):
    row = f'1,"{cell}"\n'.encode()
    assert rows(row)[2].startswith("b: looks like a formula")
    assert rows(row, formulas=True)[2] == {"a": "1", "b": cell}


@pytest.mark.parametrize("cell", ["+31 6 1234", "-99.50", "@ann", "- none", "#1", "a=b", "-", "+31 (0)6"])
def test_what_only_begins_like_one_is_not(cell):
    assert rows(f'1,"{cell}"\n'.encode())[2]["b"] == cell


def test_charsets():
    found = list(table(b"a,b\n", "Zoë,1\n".encode(), b"Zo\xeb,1\n", b'1,"x\n', b'\xeb"\n').records())
    assert [record.charset for record in found] == [UTF_8, ISO_8859_1, ISO_8859_1]
    assert found[0].read() == found[1].read()
    assert found[0].key == found[1].key


def test_equal_rows_have_equal_keys_whatever_their_quotes():
    one, other, another = table(b"a,b\n", b"1,2\n", b'"1","2"\r\n', b"12,\n").records()
    assert one.key == other.key != another.key
    (elsewhere,) = table(b"a,c\n", b"1,2\n").records()
    assert elsewhere.key != one.key


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("a,b", ","), ("a;b", ";"), ("a\tb", "\t"), ("a|b", "|"), ("a", ","), ('"a;b;c",d', ","), ("a;b,c;d", ";")],
)
def test_the_delimiter_is_the_most_frequent_one_of_the_header(header, delimiter):
    assert guess_delimiter(header) == delimiter


def test_the_delimiter_may_be_said():
    assert rows(b"1;x,2\n", header=b"a;x,b\n", delimiter=",") == {2: {"a;x": "1;x", "b": "2"}}


@pytest.mark.parametrize("raws", [(), (b"\n",), (b"a,a\n",), (b'a,"b\n',), (b"a,\0\n",), (b'"a"x,b\n',)])
def test_headers_that_cannot_be_used(raws):
    with pytest.raises(ImportMistake):
        table(*raws)


def test_the_header_is_kept_for_rejected_lines():
    found = table(b'a,"b\n', b'c"\r\n', b"1,2\n")
    assert found.columns == ("a", "b\nc")
    assert found.header == b'a,"b\nc"\r\n'
