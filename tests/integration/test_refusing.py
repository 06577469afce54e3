"""A broker that answers and refuses: its disk is full, too few replicas follow it, its memory is full."""

import json
import shutil
import subprocess
import sys

import pytest
import redis
from leadrelay import embedded
from leadrelay.queue import Queue

from tests.chaos.processes import Broker, until
from tests.integration.test_worker import events


def leadrelay(home, *words, url=""):
    env = {"PATH": "/usr/bin:/bin", "LEADRELAY_HOME": str(home), "LEADRELAY_DATASET_ID": "d"}
    return subprocess.run(
        [sys.executable, "-m", "leadrelay", *words],
        env={**env, **({"LEADRELAY_BROKER_URL": url} if url else {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def fill_disk(client, folder):
    """Let a save fail, as on a full disk: the server's folder is gone."""
    shutil.rmtree(folder)
    client.config_set("save", "3600 1")
    client.bgsave()
    until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", "a save has failed", 20)


def refuse_for_disk(broker):
    fill_disk(broker.client, broker.folder)
    return "refused", "MISCONF"


def refuse_for_replicas(broker):
    broker.client.config_set("min-replicas-to-write", 1)
    return "refused", "NOREPLICAS"


def refuse_for_memory(broker):
    broker.client.config_set("maxmemory", 1_000_000)
    return "full", "memory is full"


@pytest.mark.parametrize("refuse", [refuse_for_disk, refuse_for_replicas, refuse_for_memory])
def test_what_reads_goes_on_reading_and_says_so(tmp_path, refuse):
    broker = Broker(tmp_path)
    try:
        queue = Queue(broker.client)
        queue.enqueue(events(3))
        state, said = refuse(broker)
        with pytest.raises(Exception, match=r"refuse|full"):
            queue.enqueue(events(1))
        for words in (("status", "--json"), ("top", "--once", "--json", "--interval", "0.2")):
            done = leadrelay(tmp_path / "home", *words, url=broker.url)
            assert done.returncode == 0, done.stderr
            seen = json.loads(done.stdout)
            assert (seen["verdict"]["level"], seen["verdict"]["state"]) == ("problem", state)
            assert said in seen["verdict"]["flow"]
            assert seen["ledger"]["ready"] == 3
        done = leadrelay(tmp_path / "home", "doctor", url=broker.url)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "cannot be reached" not in done.stdout
        assert "3 events wait" in done.stdout
        assert ("its last write to disk failed" in done.stdout) == (refuse is refuse_for_disk)
        assert leadrelay(tmp_path / "home", "verify", url=broker.url).returncode == 0
    finally:
        broker.kill()


def test_the_embedded_broker_is_joined_while_it_refuses(tmp_path):
    home = tmp_path / "home"
    url = embedded.start_or_join(home)
    with redis.Redis.from_url(url) as client:
        try:
            fill_disk(client, home / "broker")
            with pytest.raises(redis.ResponseError, match="MISCONF"):
                client.ping()
            assert embedded.join(home) == url
        finally:
            client.config_set("save", "")  # else it does not end before it has saved
            assert embedded.stop(home)
