import os
import signal

import redis
from leadrelay import embedded

from tests.chaos.processes import until


def test_one_broker_per_home_that_survives_kill(tmp_path):
    assert embedded.join(tmp_path) is None
    url = embedded.start_or_join(tmp_path)
    try:
        assert embedded.start_or_join(tmp_path) == url
        client = redis.Redis.from_url(url)
        client.set("kept", 1)
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, "the file is written")
        pid = embedded._state(tmp_path)["pid"]
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
