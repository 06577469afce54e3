import gzip
import io
import sys

import pytest
from leadrelay.imports.record import MOST_BYTES, ImportMistake
from leadrelay.imports.source import Source


def read(path):
    source = Source(str(path))
    found = [(line.number, line.raw, line.fault) for line in source.lines()]
    source.close()
    return found


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "file"
        path.write_bytes(content)
        return path

    return write


def test_lines_as_they_are(file):
    assert read(file(b"a\r\n\nb")) == [(1, b"a\r\n", ""), (2, b"\n", ""), (3, b"b", "")]
    assert read(file(b"")) == []


def test_gzip_by_content(file):
    assert read(file(gzip.compress(b"a\n") + gzip.compress(b"b\n"))) == [(1, b"a\n", ""), (2, b"b\n", "")]


def test_a_byte_order_mark_is_taken_away(file):
    assert read(file(b"\xef\xbb\xbfa\n")) == [(1, b"a\n", "")]
    assert read(file(gzip.compress(b"\xef\xbb\xbfa\n"))) == [(1, b"a\n", "")]


def test_a_line_that_is_too_long_is_cut_and_the_next_ones_are_whole(file):
    long = b"x" * 10_000_000
    first, cut, last = read(file(b"a\n" + long + b"\nb\n"))
    assert (first, last) == ((1, b"a\n", ""), (3, b"b\n", ""))
    assert cut[0] == 2
    assert len(cut[1]) == MOST_BYTES
    assert "longer than 262,144 bytes" in cut[2]
    edge = b"x" * MOST_BYTES + b"\n"
    assert read(file(edge + b"b")) == [(1, edge, ""), (2, b"b", "")]


@pytest.mark.parametrize("damage", [lambda raw: raw[:-12], lambda raw: raw[:-200], lambda raw: raw[:300] + b"\0" * 99])
def test_damaged_gzip_ends_with_a_fault(file, damage):
    raw = gzip.compress(b"".join(b"%d\n" % (number * 7919 % 10007) for number in range(2000)))
    found = read(file(damage(raw)))
    assert "damaged" in found[-1][2]
    assert [fault for _, _, fault in found[:-1]] == [""] * (len(found) - 1)


@pytest.mark.parametrize(
    "start", [b"PK\x03\x04", b"\xff\xfea\0", b"\xfe\xff\0a", b"BZh9", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"]
)
def test_other_kinds_of_files_are_named(file, start):
    with pytest.raises(ImportMistake, match=": "):
        read(file(start + b"\n"))
    with pytest.raises(ImportMistake):
        read(file(gzip.compress(start)))


def test_a_file_that_cannot_be_opened(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ImportMistake, match=str(path)):
            read(path)


def test_position_and_size(file):
    path = file(b"".join(b"%d\n" % number for number in range(100_000)))
    source = Source(str(path))
    lines = source.lines()
    positions = [source.position() for _, _ in zip(lines, range(50_000), strict=False)]
    assert positions == sorted(positions)
    assert 0 < positions[-1] < source.size == path.stat().st_size
    assert source.again
    source.close()


def test_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ImportMistake, match="closed"):
        Source("-")


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(b"a\nb")))))
    source = Source("-")
    assert [line.raw for line in source.lines()] == [b"a\n", b"b"]
    assert (source.again, source.size) == (False, None)
    source.close()
