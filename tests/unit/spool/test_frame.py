import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.entry import Entry
from leadrelay.spool.frame import find, pack, unpack

line = st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",)), max_size=20)
entries = st.builds(Entry, line, line, line, st.binary(max_size=200), line, line)
stamps = st.integers(0, 2**64 - 1)


@given(stamps, entries, st.binary(max_size=10))
def test_a_frame_is_read_as_it_was_written(stamp, entry, after):
    data = pack(stamp, entry)
    frame = unpack(data + after, 0)
    assert (frame.stamp, frame.entry, frame.end) == (stamp, entry, len(data))


@given(stamps, entries, st.data())
def test_a_cut_or_changed_frame_is_none(stamp, entry, data):
    raw = pack(stamp, entry)
    assert unpack(raw[: data.draw(st.integers(0, len(raw) - 1))], 0) is None
    at = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[at] ^= data.draw(st.integers(1, 255))
    assert unpack(bytes(changed), 0) is None


def test_the_next_frame_is_found_after_rubbish():
    raw = pack(1, Entry("e", "", "s", b"{}"))
    assert find(b"rubbish\xffLR1" + raw, 0) == 11
    assert find(b"rubbish" + raw[:-1], 0) == -1


def test_no_event_holds_a_frame():
    """What a visitor sent is UTF-8, so a torn frame cannot be continued by one that he wrote."""
    with pytest.raises(UnicodeDecodeError):
        pack(1, Entry("e", "", "s", b"{}"))[:4].decode()
