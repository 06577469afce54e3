"""Who is alive among those that hold a lease."""

import os
import subprocess
import sys

import pytest
from leadrelay.queue import workers
from leadrelay.queue.books import read_books
from leadrelay.queue.workers import SILENT_S, Worker, alive, name_here

from tests.chaos.processes import until
from tests.chaos.run import Run

NOW = 1_000_000


def heard(seconds_ago, name="worker/1-elsewhere-a"):
    return Worker(name, int(NOW - seconds_ago * 1000))


def test_a_worker_is_alive_while_it_is_heard_of():
    there, silent = heard(SILENT_S), heard(SILENT_S + 0.001)
    assert alive([there, silent], NOW) == [there]


@pytest.fixture
def ended():
    """The id of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def named(pid, name=None):
    return (name or name_here("worker")).replace(f"/{os.getpid()}-", f"/{pid}-")


def test_a_process_of_this_machine_that_ended_is_not_alive_though_just_heard_of(ended):
    here = heard(0, name_here("worker"))
    assert alive([here, heard(0, named(ended))], NOW) == [here]


def test_another_users_process_is_there(monkeypatch):
    def refused(*_):
        raise PermissionError

    monkeypatch.setattr(workers.os, "kill", refused)
    assert alive([heard(0, name_here("worker"))], NOW)


@pytest.mark.parametrize("name", ["worker/{}-elsewhere-abc", "worker/{}-abc", "w", "worker/x-y-z"])
def test_of_other_machines_processes_and_of_other_names_nothing_is_known(name, ended):
    assert alive([heard(0, name.format(ended))], NOW)


def test_where_processes_cannot_be_told_apart_nothing_is_known(monkeypatch, ended):
    monkeypatch.setattr(workers, "_machine", lambda: "")
    assert alive([heard(0, named(ended))], NOW)


def test_each_name_is_new_and_fits_a_key():
    first, second = name_here("a worker:1"), name_here("a worker:1")
    assert first != second
    assert first.startswith(f"a_worker_1/{os.getpid()}-")


def test_a_lone_worker_that_is_killed_is_known_to_be_gone_long_before_its_lease_ends(tmp_path):
    with Run(tmp_path) as run:
        worker = run.start_worker()
        until(lambda: run.books().workers == 1, "it is alive")
        worker.kill()
        until(lambda: not run.books().workers, "it is gone", SILENT_S / 2)
        assert run.books().lengths["leases"] == 1
        assert run.books().worker_heard_ms == pytest.approx(run.queue.now_ms(), abs=30_000)


def test_one_elsewhere_is_gone_when_it_was_silent_for_long(queue):
    queue.claim("w", "r", 1, 1000, 0)
    assert read_books(queue).workers == 1
    (lease,) = queue.client.zrange(queue.keys.name("leases"), 0, -1, withscores=True)
    queue.client.zadd(queue.keys.name("leases"), {"w": lease[1] - SILENT_S * 1000 - 1})
    books = read_books(queue)
    assert books.workers == 0
    assert books.worker_heard_ms == lease[1] - 30_000 - SILENT_S * 1000 - 1
