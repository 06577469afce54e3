import contextlib
import gzip
import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.gateway.limits import MOST_HEADER, MOST_LINES, MOST_MEMBERS, MOST_PARTS, MOST_UNPACKED
from leadrelay.gateway.upload import eids_of, lines_of, params_of, parts_of, unpacked
from leadrelay.serving.asgi import Refused
from leadrelay.trackapi.answers import is_event_id
from urllib3 import encode_multipart_formdata

LINES = [b"http://x/?si=d&ti=a&t_ms=1606468777834", b"http://x/?si=d&ti=b"]
PACKED = gzip.compress(b"\n".join(LINES))


def form(**fields):
    body, content_type = encode_multipart_formdata(fields, boundary="x-boundary-x")
    return content_type, body


@pytest.mark.parametrize("name", ["upload", "file"])
def test_a_file_of_a_form(name):
    content_type, body = form(other="x", **{name: ("a.gz", PACKED)})
    assert lines_of(content_type, body) == LINES


def test_a_quoted_boundary_an_epilogue_and_blank_lines():
    packed = gzip.compress(b"\r\n\n  \n" + LINES[0] + b"\r\n")
    body = b"--a b\r\ncontent-disposition:form-data; name=upload\r\n\r\n" + packed + b"\r\n--a b--\r\nepilogue"
    assert lines_of('Multipart/Form-Data; boundary="a b"', body) == LINES[:1]


def test_bytes_before_the_first_part_and_before_the_gzip():
    content_type, body = form(file=("a.gz", b"stray\r\n" + PACKED))
    assert lines_of(content_type, b"Content-Type: stray\r\n\r\n" + body) == LINES


def test_a_gzip_of_several_members():
    assert unpacked(gzip.compress(b"ab") + gzip.compress(b"c") + b"\0\0") == b"abc"


def test_no_more_is_unpacked_than_allowed():
    assert len(unpacked(gzip.compress(b"\0" * MOST_UNPACKED))) == MOST_UNPACKED
    for bomb in (gzip.compress(b"\0" * (MOST_UNPACKED + 1)), gzip.compress(b"\0" * (MOST_UNPACKED // 2 + 1)) * 2):
        with pytest.raises(Refused) as caught:
            unpacked(bomb)
        assert caught.value.status == 413


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("", b"", 415),
        ("multipart/form-data", b"--x", 415),
        ("text/plain; boundary=x", b"--x\r\n", 415),
        (*form(other=("a.gz", PACKED)), 400),
        (*form(upload=("a.gz", b"")), 400),
        (*form(upload=("a.gz", PACKED[:-5])), 400),
        (*form(upload=("a.gz", b"\x1f\x8b\x08" + b"x" * 50)), 400),
        (*form(upload=("a.gz", b"x" * 2000 + PACKED)), 400),
        (*form(upload=("a.gz", gzip.compress(b"x\n" * (MOST_LINES + 1)))), 413),
    ],
)
def test_what_is_refused(content_type, body, status):
    with pytest.raises(Refused) as caught:
        lines_of(content_type, body)
    assert caught.value.status == status


@given(st.text(max_size=50), st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(content_type, body, whole):
    if whole:
        content_type, body = form(upload=("a.gz", zlib.compress(body, wbits=31)))
    with contextlib.suppress(Refused):
        lines_of(content_type, body)


def test_the_parameters_of_a_line():
    assert params_of(LINES[0] + b"#x?si=e") == {"si": "d", "ti": "a", "t_ms": "1606468777834"}
    assert params_of(b"http://x/?name=Zo%EB") == {"name": "Zoë"}
    assert params_of(b"nonsense") == {}


def test_ids_repeat_for_a_line_with_a_time_and_an_equal_line_has_another():
    lines = [LINES[0], LINES[0], LINES[1], LINES[1]]
    first, second, *timeless = eids_of(lines, "App/1")
    assert timeless == [None, None]
    assert first != second
    assert all(is_event_id(eid) for eid in (first, second))
    assert list(eids_of(lines, "App/1"))[:2] == [first, second]
    assert first not in list(eids_of(lines, "App/2"))


def test_a_file_object_of_gzip_is_the_same():
    packed = io.BytesIO()
    with gzip.GzipFile("named.txt", "wb", fileobj=packed) as file:
        file.write(b"\n".join(LINES))
    assert unpacked(packed.getvalue()) == b"\n".join(LINES)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("multipart/form-data; boundary=b; x=" + "y" * MOST_HEADER, b"--b\r\n\r\n", 413),
        (*form(upload=("a.gz", gzip.compress(b"x") * (MOST_MEMBERS + 1))), 413),
        (*form(upload=("a.gz", gzip.compress(b"\n" * (MOST_LINES + 1)))), 413),
        (*form(**{f"x{number}": "" for number in range(MOST_PARTS)}, upload=("a.gz", PACKED)), 400),
        (*form(upload=("a" * MOST_HEADER, PACKED)), 400),
    ],
)
def test_what_takes_long_to_read_is_refused_unread(content_type, body, status):
    with pytest.raises(Refused) as caught:
        lines_of(content_type, body)
    assert caught.value.status == status


@given(sizes=st.lists(st.integers(1, 8192), max_size=1000))
def test_what_is_made_in_one_go_is_little_and_nothing_is_left_out(sizes):
    lines = [b"%d" % number + b"x" * size for number, size in enumerate(sizes)]
    parts = [lines[part] for part in parts_of(lines)]
    assert [line for part in parts for line in part] == lines
    assert all(len(part) == 1 or sum(map(len, part)) <= 16 * 1024 for part in parts)
    assert all(len(part) <= 250 for part in parts)
    assert len(parts) <= 1 + sum(sizes) // 4096 + len(sizes) // 250
