"""Files that are damaged: what it costs is told, and nothing stays behind it."""

import os

import pytest
from leadrelay.errors import BrokerUnavailable
from leadrelay.spool import stamps as stamps_module
from leadrelay.spool.drain import Drain
from leadrelay.spool.lost import Lost, lost
from leadrelay.spool.summary import summary

from tests.unit.spool.model import FakeQueue, drained, eids, event, writer


@pytest.mark.parametrize("cut", [1, 30])
def test_a_torn_tail_was_never_acknowledged(folder, cut):
    here = writer(folder)
    here.append([event(1)])
    here.append([event(2)])
    (name,) = folder.waiting()
    os.truncate(folder.segments / name, (folder.segments / name).stat().st_size - cut)
    order, done = drained(folder)
    assert order == eids([1])
    assert done.damaged_bytes == 0
    assert not folder.waits


def test_damage_costs_what_it_hit_and_is_told(folder, caplog):
    here = writer(folder)
    for number in range(5):
        here.append([event(number)])
    path = folder.segments / folder.waiting()[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    order, done = drained(folder)
    assert order == eids([0, 1, 3, 4])
    assert done.damaged_bytes == len(data) // 5
    assert "damaged" in caplog.text
    assert len(list(folder.path.glob("*.damaged"))) == 1
    assert not folder.waits


@pytest.mark.parametrize("keep", [0, 5, 60])
def test_damage_at_the_end_is_kept_and_told_too(folder, caplog, keep):
    """Zeros, as after a power cut, in place of the last event, or of all."""
    here = writer(folder)
    here.append([event(1)])
    (name,) = folder.waiting()
    size = (folder.segments / name).stat().st_size
    here.append([event(2)])
    data = (folder.segments / name).read_bytes()
    cut = {0: 0, 5: size, 60: len(data) - 5}[keep]
    (folder.segments / name).write_bytes(data[:cut] + bytes(len(data) - cut))
    order, done = drained(folder)
    assert order == eids([1] if keep else [])
    assert done.damaged_bytes == len(data) - (size if keep else 0)
    assert caplog.text.count("the spool is damaged") == 1
    assert summary(folder).damaged == 1
    assert not folder.waits


def test_what_was_damaged_is_kept_though_the_broker_goes_away_meanwhile(folder):
    here, queue = writer(folder), FakeQueue()
    here.append([event(number) for number in range(1500)])
    (name,) = folder.waiting()
    data = bytearray((folder.segments / name).read_bytes())
    data[len(data) // 15] ^= 255
    (folder.segments / name).write_bytes(data)

    def gone(_) -> None:
        raise BrokerUnavailable("away")

    with pytest.raises(BrokerUnavailable):
        Drain(folder, queue.send, queue.last_batch, gone).run()
    Drain(folder, queue.send, queue.last_batch).run()
    assert len(queue.order) == 1499
    (kept,) = folder.path.glob("*.damaged")
    assert kept.read_bytes() == data
    assert not folder.waits


@pytest.mark.parametrize("rubbish", [b"\0" * 300, b"[1, 2", b"{}", b'{"done": 1}', b"[" * 100_000, b"\xff"])
def test_a_damaged_journal_is_set_aside_and_all_is_sent(folder, caplog, rubbish):
    here = writer(folder)
    here.append([event(1)])
    folder.journal.write_bytes(rubbish)
    assert summary(folder).events == 1
    assert drained(folder)[0] == eids([1])
    told = rubbish != b"{}"  # that is how it begins
    assert ("journal is damaged" in caplog.text) == told
    assert (folder.path / "journal.damaged").exists() == told
    assert not folder.waits


@pytest.mark.parametrize(
    "rubbish", [b"\0" * 256, b"{}", b'{"events": Infinity, "first_ms": 0, "last_ms": 0}', b"[" * 10_000, b"x" * 900]
)
def test_a_damaged_count_is_set_aside_and_begins_anew(folder, caplog, rubbish):
    folder.make()
    counter = Lost(folder)
    folder.lost.write_bytes(rubbish)
    assert lost(folder)["events"] == 0
    counter.count(3)
    counter.count(4)
    assert lost(folder)["events"] == 7
    assert caplog.text.count("how many events were lost before is not known") == 1
    assert (folder.path / "lost.damaged").read_bytes() == rubbish


@pytest.mark.parametrize(
    "rubbish", [b"", b"\0", b"[1]", b"{}", b'["BOOT", Infinity]', b'["BOOT", 1e300]', b"[" * 10_000]
)
def test_a_damaged_base_of_stamps_is_set_anew(folder, rubbish):
    writer(folder).append([event(1)])
    folder.order.write_bytes(rubbish.replace(b"BOOT", stamps_module._boot().encode()))
    writer(folder).append([event(2)])
    assert drained(folder)[0] == eids([1, 2])
