import contextlib
import os
import stat
from pathlib import Path

import pytest
from leadrelay.errors import BrokerUnavailable, SpoolFull
from leadrelay.home import locked
from leadrelay.spool import folder as folder_module
from leadrelay.spool import writer as writer_module
from leadrelay.spool.drain import Drain
from leadrelay.spool.folder import Folder, folders
from leadrelay.spool.lost import Lost, lost
from leadrelay.spool.summary import summary

from tests.unit.spool.model import FakeQueue, drained, eids, event, writer


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
