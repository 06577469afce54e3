import json
from unittest.mock import Mock

from leadrelay.history import HistoryFiles
from leadrelay.queue.message import Message
from leadrelay.settings import Settings
from leadrelay_worker.endings import Endings
from leadrelay_worker.upkeep import Upkeep

LAST = "9:2:accepted:http_200:5"


def message(*history):
    return Message(
        7, "e" * 32, "lane", "scope", "label", 1000, 0, 1, len(history), 0, 0, 0, False, history, b'{"email":"x"}'
    )


def test_nothing_is_kept_until_it_is_attached(tmp_path):
    endings = Endings()
    endings.add(message(), "delivered", "http_200")
    endings.flush()
    assert HistoryFiles(tmp_path).files() == []


def test_an_ending_is_a_line_without_content(tmp_path):
    endings = Endings()
    endings.attach(HistoryFiles(tmp_path), "w/1-a")
    endings.add(message(), "delivered", "http_200", "signup", LAST)
    endings.add(message("8:1:transient?:cut:5"), "delivered", "http_200", "signup", LAST)
    endings.add(message(), "dropped", "revoked")
    endings.flush()
    (file,) = HistoryFiles(tmp_path).files()
    first, second, third = map(json.loads, file.read_text().splitlines())
    assert (first["attempts"], first["title"], first["worker"], "history" in first) == (1, "signup", "w/1-a", False)
    assert (second["attempts"], second["unknown"], second["history"][1]) == (2, 1, LAST)
    assert (third["attempts"], third["outcome"], third["reason"]) == (0, "dropped", "revoked")
    assert "email" not in file.read_text()


class Idle:
    """A queue without work."""

    memory = staticmethod(lambda: {"maxmemory": 0, "used_memory": 0})
    inbox_lengths = staticmethod(dict)
    rescue = due = now_ms = staticmethod(lambda: 0)
    run = staticmethod(lambda *_, **__: [])


def test_what_is_hourly_is_done_at_once_and_not_in_every_round():
    done = []
    upkeep = Upkeep(Idle, None, Settings(), Mock(), Mock(eids=()), [lambda: done.append(1)])
    for _ in range(3):
        upkeep.round()
    assert done == [1]
