import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis
from leadrelay import embedded
from leadrelay.errors import BrokerUnavailable

from tests.chaos.processes import until

#: What a starter runs, in its own process.
STARTER = (
    "import sys, pathlib; from leadrelay import embedded; print(embedded.start_or_join(pathlib.Path(sys.argv[1])))"
)


def servers(home):
    """Give the processes that work in the folder of a home's broker."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.joinpath("cwd").readlink() == home / "broker":
                found.append(int(process.name))
        except OSError:  # it ended, or is not ours
            continue
    return found


def starter(home):
    return subprocess.Popen([sys.executable, "-c", STARTER, str(home)], stdout=subprocess.PIPE, text=True)


def test_one_broker_per_home_that_survives_kill(tmp_path):
    assert embedded.join(tmp_path) is None
    url = embedded.start_or_join(tmp_path)
    try:
        assert embedded.start_or_join(tmp_path) == url
        client = redis.Redis.from_url(url)
        client.set("kept", 1)
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        memory = client.info("memory")
        assert 0 < memory["maxmemory"] < memory["total_system_memory"]
        until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, "the file is written")
        (pid,) = servers(tmp_path)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert embedded.join(tmp_path) is None
        assert embedded.start_or_join(tmp_path) == url
        assert redis.Redis.from_url(url).get("kept") == b"1"
    finally:
        assert embedded.stop(tmp_path)
    assert not embedded.stop(tmp_path)


def test_its_files_are_private(tmp_path):
    embedded.start_or_join(tmp_path)
    try:
        assert (tmp_path / "broker.json").stat().st_mode & 0o077 == 0
        assert (tmp_path / "broker" / "broker.conf").stat().st_mode & 0o077 == 0
    finally:
        embedded.stop(tmp_path)


@pytest.mark.parametrize("text", ["", "x", "[]", "{}"])
def test_what_does_not_tell_of_a_server_is_none(tmp_path, text):
    (tmp_path / "broker.json").write_text(text)
    assert embedded.join(tmp_path) is None


def test_many_that_start_at_once_and_are_killed_in_between_start_one_server(tmp_path):
    dice = random.Random(7)
    try:
        for _ in range(3):
            killed = [starter(tmp_path) for _ in range(4)]
            for one in killed:
                time.sleep(dice.uniform(0, 0.15))
                one.kill()
                one.communicate()
            lasting = [starter(tmp_path) for _ in range(4)]
            urls = {one.communicate(timeout=90)[0] for one in lasting}
            assert len(urls) == 1
            assert len(servers(tmp_path)) == 1
            embedded.stop(tmp_path)
            assert servers(tmp_path) == []
    finally:
        for pid in servers(tmp_path):
            os.kill(pid, signal.SIGKILL)


def test_a_server_that_does_not_answer_gets_no_second_one_beside_it(tmp_path):
    url = embedded.start_or_join(tmp_path)
    (pid,) = servers(tmp_path)
    os.kill(pid, signal.SIGSTOP)  # as while it loads its data, or hangs
    other = starter(tmp_path)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            other.communicate(timeout=4)
        assert servers(tmp_path) == [pid]
        os.kill(pid, signal.SIGCONT)
        assert other.communicate(timeout=60)[0].strip() == url
    finally:
        other.kill()
        os.kill(pid, signal.SIGCONT)
        embedded.stop(tmp_path)


def test_a_starter_killed_before_it_could_tell_leaves_a_server_that_others_find(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "join", lambda _: os._exit(9) if servers(tmp_path) else None)
    killed = os.fork()
    if not killed:
        embedded.start_or_join(tmp_path)
    os.waitpid(killed, 0)
    monkeypatch.undo()
    (pid,) = servers(tmp_path)
    try:
        embedded.start_or_join(tmp_path)
        assert servers(tmp_path) == [pid]
    finally:
        embedded.stop(tmp_path)


def test_a_server_that_ends_at_once_is_said_with_where_to_look(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "_config", lambda *_: "nonsense yes\n")
    with pytest.raises(BrokerUnavailable, match=r"ended with 1; see .*broker\.log"):
        embedded.start_or_join(tmp_path)
