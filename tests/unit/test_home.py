import errno
import fcntl
import os
import stat
from threading import Thread

import pytest
from leadrelay import home
from leadrelay.home import appear, locked

from tests.chaos.processes import until


def free(path) -> bool:
    """Whether another thread could hold it."""
    found = []

    def look() -> None:
        with locked(path, wait=False) as mine:
            found.append(mine)

    other = Thread(target=look)
    other.start()
    other.join()
    return found[0]


def test_one_holds_a_lock_at_a_time(tmp_path):
    with locked(tmp_path / "lock") as mine:
        assert mine
        assert not free(tmp_path / "lock")
    assert free(tmp_path / "lock")


def test_a_handler_does_not_wait_for_its_own_thread(tmp_path):
    with locked(tmp_path / "lock"), locked(tmp_path / "lock") as mine:
        assert not mine
    with locked(tmp_path / "lock") as mine:
        assert mine


def test_a_handler_that_raises_before_the_lock_is_taken_leaves_it_to_the_next(tmp_path, monkeypatch):
    class Interrupted(set):
        def add(self, key):
            super().add(key)
            raise KeyboardInterrupt

    monkeypatch.setattr(home, "_held", held := Interrupted())
    with pytest.raises(KeyboardInterrupt), locked(tmp_path / "lock"):
        pass
    assert not held


def test_a_lock_dies_with_its_process_though_a_child_lives_on(tmp_path):
    ends, leaves = os.pipe()
    parent = os.fork()
    if not parent:
        with locked(tmp_path / "lock"):
            if os.fork():
                os._exit(0)
            os.close(leaves)
            os.read(ends, 1)  # until the test closes its end
            os._exit(0)
    os.waitpid(parent, 0)
    until(lambda: free(tmp_path / "lock"), "the child has closed its copy")
    os.close(ends)
    os.close(leaves)


def test_a_forked_child_that_leaves_the_block_does_not_free_it(tmp_path):
    with locked(tmp_path / "lock"):
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
            assert not free(tmp_path / "lock")
    if not pid:
        os._exit(0)


def test_a_lock_is_given_back_though_a_signal_says_otherwise(tmp_path, monkeypatch):
    def interrupted(handle, how, flock=fcntl.flock):
        if how & fcntl.LOCK_UN:
            raise KeyboardInterrupt
        flock(handle, how)

    with monkeypatch.context() as patches:
        patches.setattr(fcntl, "flock", interrupted)
        with pytest.raises(KeyboardInterrupt), locked(tmp_path / "lock"):
            pass
    assert free(tmp_path / "lock")


def test_a_lock_whose_file_is_another_now_is_taken_on_that(tmp_path, monkeypatch):
    path, taken = tmp_path / "lock", []

    def removed(handle, how, flock=fcntl.flock):
        flock(handle, how)
        if not taken:
            taken.append(path.unlink())

    monkeypatch.setattr(fcntl, "flock", removed)
    with locked(path) as mine:
        assert mine
        assert not free(path)


@pytest.mark.parametrize(("folder", "expected"), [(0o700, 0o600), (0o2770, 0o660)])
def test_nobody_meets_a_file_without_its_permissions(tmp_path, monkeypatch, folder, expected):
    tmp_path.chmod(folder)
    met, give = [], home.share

    def share(*args) -> None:
        met.extend(path.name for path in tmp_path.iterdir() if not path.name.startswith("."))
        assert all(not stat.S_IMODE(path.stat().st_mode) & 0o077 for path in tmp_path.iterdir())
        give(*args)

    monkeypatch.setattr(home, "share", share)
    before = os.umask(0)
    try:
        appear(tmp_path / "file")
    finally:
        os.umask(before)
    assert met == []
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()] == [("file", expected)]


def test_a_file_that_is_there_is_left(tmp_path):
    (tmp_path / "file").write_text("what it has")
    appear(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "what it has"


def test_a_file_appears_where_the_disk_has_no_links(tmp_path, monkeypatch):
    def link(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    tmp_path.chmod(0o770)
    for _ in range(2):
        with locked(tmp_path / "lock") as mine:
            assert mine
            assert not free(tmp_path / "lock")
    assert [(path.name, stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()] == [("lock", 0o660)]
    appear(tmp_path / "lock")
