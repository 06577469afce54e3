import contextlib
import json
import os
import shutil
import stat
from pathlib import Path

import pytest
from leadrelay.errors import BrokerUnavailable, SpoolFull
from leadrelay.home import locked
from leadrelay.spool import folder as folder_module
from leadrelay.spool import stamps as stamps_module
from leadrelay.spool import writer as writer_module
from leadrelay.spool.drain import Drain
from leadrelay.spool.folder import Folder, folders
from leadrelay.spool.journal import Journal
from leadrelay.spool.lost import Lost, lost
from leadrelay.spool.stamps import Stamps
from leadrelay.spool.summary import summary
from leadrelay.spool.writer import Writer

from tests.unit.spool.model import FakeQueue, eids, event


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "home", "leadrelay-t")


def writer(folder, **options):
    return Writer(folder, **{"most_bytes": 10**9, **options})


def drained(folder):
    queue = FakeQueue()
    done = Drain(folder, queue.send, queue.last_batch).run()
    return queue.order, done


def test_events_of_several_writers_come_out_in_the_order_in_which_they_went_in(folder):
    writers = [writer(folder) for _ in range(4)]
    for number in range(40):
        writers[number * 7 % 4].append([event(number)])
    assert folder.waits
    assert drained(folder)[0] == eids(range(40))
    assert not folder.waits


def test_a_writer_goes_on_after_a_drain(folder):
    here = writer(folder)
    for number in range(3):
        here.append([event(number)])
        assert drained(folder)[0] == eids([number])


def test_a_drain_that_ends_while_a_segment_begins_costs_no_event(folder, monkeypatch):
    here, give = writer(folder), folder_module.share

    def share(target, *rest) -> None:
        folder.empty()  # another process's drain, at whatever moment
        give(target, *rest)

    monkeypatch.setattr(folder_module, "share", share)
    for number in range(3):
        here.append([event(number)])
        assert drained(folder)[0] == eids([number])


def test_no_process_meets_a_folder_that_is_half_made(folder, monkeypatch):
    met, give = [], folder_module.share

    def share(target, *rest) -> None:
        if isinstance(target, Path):
            there = [path.name for path in folder.path.glob("seg*")]
            met.append(([known.label for known in folders(folder.home)], there))
        give(target, *rest)

    monkeypatch.setattr(folder_module, "share", share)
    writer(folder).append([event(1)])
    assert met == [([], []), ([], []), ([folder.label], [])]


def test_large_spools_have_several_segments(folder, monkeypatch):
    monkeypatch.setattr(writer_module, "SEGMENT_BYTES", 1000)
    here = writer(folder)
    for number in range(50):
        here.append([event(number, 100)])
    assert len(folder.waiting()) > 5
    assert drained(folder)[0] == eids(range(50))


def test_a_broker_that_is_away_again_leaves_the_rest(folder):
    here = writer(folder)
    here.append([event(number) for number in range(2500)])
    queue, calls = FakeQueue(), []

    def send(entries, source, digest):
        calls.append(len(entries))
        if len(calls) == 2:
            raise BrokerUnavailable("away")
        queue.send(entries, source, digest)

    with pytest.raises(BrokerUnavailable):
        Drain(folder, send, queue.last_batch).run()
    assert summary(folder).events == 1500
    here.append([event(2500)])
    assert Drain(folder, queue.send, queue.last_batch).run().events == 1501
    assert queue.order == eids(range(2501))


def test_a_full_spool_refuses_and_says_so(folder):
    here = writer(folder, most_bytes=1000)
    kept = 0
    with contextlib.suppress(SpoolFull):
        for _ in range(100):
            here.append([event(kept)])
            kept += 1
    with pytest.raises(SpoolFull, match="LEADRELAY_SPOOL_MAX_BYTES"):
        here.append([event(99)])
    assert 0 < kept < 20
    assert drained(folder)[0] == eids(range(kept))


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


def test_what_a_full_disk_took_in_part_is_taken_back(folder, monkeypatch):
    here = writer(folder)
    here.append([event(1)])
    write = os.write

    def full(handle, data):
        write(handle, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer_module.os, "write", full)
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
    write = os.write

    def full(handle, data):
        write(handle, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    for _ in range(20):
        with pytest.raises(OSError, match="No space"):
            here.append([event(2)])
    assert len(folder.waiting()) == 1


def test_segments_that_are_full_are_forced_to_the_disk_too(folder, monkeypatch):
    here, synced = writer(folder), []
    monkeypatch.setattr(writer_module, "SEGMENT_BYTES", 100)
    for number in range(5):
        here.append([event(number, 60)])
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


def test_one_process_drains_at_a_time(folder):
    writer(folder).append([event(1)])
    with locked(folder.lock) as alone:
        assert alone
        order, done = drained(folder)
    assert (order, done.alone) == ([], False)


def test_a_write_that_the_drain_may_not_see_is_written_again(folder, monkeypatch):
    """The segment is renamed between a write and the look at its name."""
    here = writer(folder)
    here.append([event(1)])
    (name,) = folder.waiting()
    (folder.segments / name).rename(folder.segments / f"{name}.retired")
    here.append([event(2)])
    assert len(folder.waiting()) == 2
    assert drained(folder)[0] == eids([1, 2])


@pytest.mark.parametrize("jump_s", [-30 * 86400, 30 * 86400])
def test_a_clock_that_is_set_changes_no_order(folder, monkeypatch, jump_s):
    first, real = writer(folder), stamps_module.time.time_ns
    first.append([event(1)])
    monkeypatch.setattr(stamps_module.time, "time_ns", lambda: real() + jump_s * 10**9)
    writer(folder).append([event(2)])
    first.append([event(3)])
    assert drained(folder)[0] == eids([1, 2, 3])


def test_after_a_start_of_the_machine_stamps_are_higher(folder, monkeypatch):
    """Also when its clock begins in 1970."""
    writer(folder).append([event(1)])
    monkeypatch.setattr(stamps_module, "_boot", lambda: "another")
    monkeypatch.setattr(stamps_module.time, "time_ns", lambda: 0)
    monkeypatch.setattr(stamps_module.time, "monotonic_ns", lambda: 5)
    writer(folder).append([event(2)])
    assert drained(folder)[0] == eids([1, 2])


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


def test_a_base_that_is_lost_with_the_clock_keeps_no_event_back(folder, monkeypatch):
    """The stamps of what waits are in the future then."""
    here, real = writer(folder), stamps_module.time.time_ns
    here.append([event(1)])
    folder.order.unlink()
    monkeypatch.setattr(stamps_module.time, "time_ns", lambda: real() - 30 * 86400 * 10**9)
    monkeypatch.setattr(stamps_module, "newest", lambda _: 0)  # all that is known is in the other process's memory
    writer(folder).append([event(2)])
    monkeypatch.undo()
    here.append([event(3)])
    order, _ = drained(folder)
    assert sorted(order) == eids([1, 2, 3])
    assert not folder.waits


@pytest.mark.parametrize("jump_s", [-30 * 86400, 30 * 86400])
def test_after_a_start_of_the_machine_stamps_are_above_those_that_wait(folder, monkeypatch, jump_s):
    """Whatever its clock says, before and after."""
    real = stamps_module.time.time_ns
    monkeypatch.setattr(stamps_module.time, "time_ns", lambda: real() + jump_s * 10**9)
    writer(folder).append([event(1)])
    monkeypatch.undo()
    monkeypatch.setattr(stamps_module, "_boot", lambda: "another")
    writer(folder).append([event(2)])
    assert drained(folder)[0] == eids([1, 2])
    assert not folder.waits


def test_stamps_rise(folder):
    folder.make()
    first, second = Stamps(folder), Stamps(folder)
    drawn = [stamps.draw() for _ in range(1000) for stamps in (first, second)]
    assert drawn == sorted(drawn)


def test_lost_events_are_counted_over_processes(folder):
    folder.make()
    first, second = Lost(folder), Lost(folder)
    first.count(3)
    second.count(4)
    assert lost(folder)["events"] == 7
    assert summary(folder).lost == 7


def test_what_cannot_be_counted_now_is_counted_later(tmp_path):
    (tmp_path / "home").write_text("")
    counter = Lost(Folder(tmp_path / "home", "t"))
    counter.count(2)
    assert counter.pending == 2
    (tmp_path / "home").unlink()
    counter._folder.make()
    counter.count(1)
    assert lost(counter._folder)["events"] == 3


def test_spools_of_other_brokers_stay_where_they_are(tmp_path):
    own, other = Folder(tmp_path, "a"), Folder(tmp_path, "b")
    writer(own).append([event(1)])
    writer(other).append([event(2)])
    assert drained(own)[0] == eids([1])
    assert [folder.label for folder in folders(tmp_path)] == ["a", "b"]
    assert summary(other).events == 1


@pytest.mark.parametrize(("home", "expected"), [(0o700, 0o600), (0o2770, 0o660)])
def test_files_may_be_used_by_whom_the_home_may_be(folder, home, expected):
    folder.home.mkdir()
    folder.home.chmod(home)
    writer(folder).append([event(1)])
    segment = folder.segments / folder.waiting()[0]
    assert stat.S_IMODE(segment.stat().st_mode) == expected
    assert stat.S_IMODE(folder.segments.stat().st_mode) == home
    drained(folder)
    for lock in (folder.lock, folder.order_lock):  # whoever made it, the others must be able to take it
        assert stat.S_IMODE(lock.stat().st_mode) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives a file to another user")
def test_a_lock_that_root_made_belongs_to_the_owner_of_its_folder(tmp_path):
    os.chown(tmp_path, 65534, 65534)
    with locked(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_uid == 65534


def test_a_segment_of_another_user_is_left_and_told(folder, monkeypatch):
    writer(folder).append([event(1)])
    writer(folder).append([event(2)])
    first, opened = folder.waiting()[0], os.open

    def refusing(path, *args):
        if str(path).endswith(first):
            raise PermissionError(13, "Permission denied")
        return opened(path, *args)

    monkeypatch.setattr(os, "open", refusing)
    assert drained(folder)[0] == eids([2])
    assert summary(folder).unreadable == 1
    assert folder.waiting() == [first]


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
