"""Disks that fill or fail, writes that are interrupted, homes that are removed."""

import json
import os
import shutil

import pytest
from leadrelay.errors import BrokerUnavailable
from leadrelay.spool import writer as writer_module
from leadrelay.spool.drain import Drain
from leadrelay.spool.folder import Folder
from leadrelay.spool.journal import Journal
from leadrelay.spool.lost import Lost, lost

from tests.unit.spool.model import FakeQueue, drained, eids, event, writer


def takes_ten_bytes(handle, data, write=os.write):
    """Write as to a disk that fills."""
    write(handle, data[:10])
    raise OSError(28, "No space left on device")


def test_what_a_full_disk_took_in_part_is_taken_back(folder, monkeypatch):
    here = writer(folder)
    here.append([event(1)])
    monkeypatch.setattr(os, "write", takes_ten_bytes)
    with pytest.raises(OSError, match="No space"):
        here.append([event(2)])
    monkeypatch.undo()
    here.append([event(3)])
    order, done = drained(folder)
    assert (order, done.damaged_bytes) == (eids([1, 3]), 0)


def test_what_a_drain_read_of_a_write_that_failed_swallows_no_later_event(folder, monkeypatch):
    """Whole frames of it were sent, and noted as far as the place where the next event would have begun."""
    here, queue = writer(folder, always=True), FakeQueue()
    here.append([event(1)])

    def failing(_) -> None:
        monkeypatch.undo()
        with pytest.raises(BrokerUnavailable):  # the drain ends before it takes the segment away
            Drain(folder, queue.send, queue.last_batch, gone).run()
        raise OSError(5, "Input/output error")

    def gone(_) -> None:
        raise BrokerUnavailable("away")

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="Input/output"):
        here.append([event(2)])
    here.append([event(3)])
    here.append([event(4)])
    done = Drain(folder, queue.send, queue.last_batch).run()
    assert (queue.order, done.damaged_bytes) == (eids([1, 2, 3, 4]), 0)


def test_a_signal_in_the_middle_of_a_write_leaves_whole_frames(folder, monkeypatch):
    here, write = writer(folder), os.write
    here.append([event(1)])

    def interrupted(handle, data):
        write(handle, data[:30])
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        here.append([event(2)])
    here.append([event(3)])
    order, done = drained(folder)
    assert (order, done.damaged_bytes) == (eids([1, 3]), 0)


def test_a_handler_that_tracks_in_the_middle_of_a_write_that_fails_costs_neither(folder, monkeypatch):
    here, write = writer(folder), os.write
    here.append([event(1)])

    def full(handle, data):
        monkeypatch.undo()
        write(handle, data[:30])
        here.append([event(2)])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        here.append([event(9)])
    here.append([event(3)])
    order, done = drained(folder)
    assert (order, done.damaged_bytes) == (eids([1, 2, 3]), 0)


def test_a_full_disk_gathers_no_segments(folder, monkeypatch):
    here = writer(folder)
    here.append([event(1)])
    monkeypatch.setattr(os, "write", takes_ten_bytes)
    for _ in range(20):
        with pytest.raises(OSError, match="No space"):
            here.append([event(2)])
    assert len(folder.waiting()) == 1


def test_segments_that_are_full_or_given_up_are_forced_to_the_disk_too(folder, monkeypatch):
    here, synced = writer(folder), []
    monkeypatch.setattr(writer_module, "SEGMENT_BYTES", 100)
    for number in range(5):
        here.append([event(number, 60)])
    with monkeypatch.context() as patches:
        patches.setattr(writer_module, "SEGMENT_BYTES", 10**6)
        patches.setattr(os, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            here.append([event(5)])
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_ino))
    here.sync()
    assert set(synced) == {path.stat().st_ino for path in folder.segments.iterdir()}
    here.sync()
    assert len(synced) == 5


def test_a_full_disk_is_drained_too(folder, monkeypatch):
    here = writer(folder)
    here.append([event(1)])
    drained(folder)
    here.append([event(2)])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Folder, "replace", full)
    assert drained(folder)[0] == eids([2])
    assert not folder.waits
    monkeypatch.undo()
    here.append([event(3)])
    assert drained(folder)[0] == eids([3])


def test_a_disk_that_filled_in_its_first_outage_is_drained(folder, monkeypatch):
    here = writer(folder)
    here.append([event(1)])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Folder, "replace", full)
    assert drained(folder)[0] == eids([1])


def test_a_journal_for_which_there_is_no_room_is_not_written_in_half(folder, monkeypatch):
    here = writer(folder)
    here.append([event(1)])
    drained(folder)
    before = folder.journal.read_bytes()
    monkeypatch.setattr(os, "write", lambda handle, data, write=os.write: write(handle, data[:100]))
    monkeypatch.setattr(Folder, "replace", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    journal = Journal(folder)
    with pytest.raises(OSError, match="No space"):
        journal.begin({f"{number:020d}-1-abc": 1 for number in range(1000)}, "digest")
    assert folder.journal.read_bytes() == before
    monkeypatch.undo()
    monkeypatch.setattr(os, "write", lambda handle, data, write=os.write: write(handle, data[:100]))
    journal.begin({f"{number:020d}-1-abc": 1 for number in range(1000)}, "digest")
    Journal(folder).settle("digest")
    assert json.loads(folder.journal.read_bytes())["digest"] == "digest"


def test_a_disk_that_takes_little_at_a_time_gets_all(folder, monkeypatch):
    write = os.write
    monkeypatch.setattr(writer_module.os, "write", lambda handle, data: write(handle, data[:10]))
    writer(folder).append([event(1), event(2)])
    monkeypatch.undo()
    order, done = drained(folder)
    assert (order, done.damaged_bytes) == (eids([1, 2]), 0)


def test_a_home_that_is_removed_is_made_again(folder, caplog):
    here, counter = writer(folder), Lost(folder)
    here.append([event(1)])
    shutil.rmtree(folder.home)
    counter.count(2)
    here.append([event(2)])
    here.append([event(3)])
    assert drained(folder)[0] == eids([2, 3])
    assert lost(folder)["events"] == 2


def test_what_a_drain_has_read_is_sent_though_the_home_is_removed(folder):
    here, queue = writer(folder), FakeQueue()
    here.append([event(number) for number in range(2500)])
    done = Drain(folder, queue.send, queue.last_batch, lambda _: shutil.rmtree(folder.home, ignore_errors=True)).run()
    assert done.events == 2500
    assert queue.order == eids(range(2500))


def test_the_disk_is_waited_for_each_time_where_that_is_asked_for(folder, monkeypatch):
    synced = []
    monkeypatch.setattr(writer_module.os, "fsync", synced.append)
    here = writer(folder, always=True)
    for number in range(3):
        here.append([event(number)])
    assert len(synced) == 3
    lazy = writer(folder)
    lazy.append([event(3)])
    assert len(synced) == 3
    lazy.sync()
    lazy.sync()
    assert len(synced) == 4
