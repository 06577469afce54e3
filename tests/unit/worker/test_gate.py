import os

import pytest
from leadrelay_worker.delivery import attempt as module
from leadrelay_worker.delivery.attempt import Job, attempt
from leadrelay_worker.gate import MOST, Gate


@pytest.fixture
def gate():
    return Gate()


def test_what_was_claimed_before_its_breaker_opened_does_not_begin(gate):
    assert not gate.shut("11111111", 5.0)
    gate.update({"11111111"}, 10.0)
    assert gate.shut("11111111", 9.9)
    assert not gate.shut("11111111", 10.0)  # claimed afterwards: the probe
    assert not gate.shut("22222222", 9.9)
    gate.update({"11111111", "22222222"}, 20.0)
    assert not gate.shut("11111111", 10.0)
    assert gate.shut("22222222", 10.0)
    gate.update(set(), 30.0)
    assert not gate.shut("11111111", 0.0)


def test_all_of_it(gate):
    gate.update({"*"}, 10.0)
    assert gate.shut("11111111", 9.0)
    assert gate.shut("-", 9.0)


def test_children_see_it(gate):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.read(read, 1)
        finally:
            os._exit(0 if gate.shut("11111111", 1.0) else 1)
    gate.update({"11111111"}, 2.0)
    os.write(write, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_more_scopes_than_fit_are_not_an_error(gate):
    gate.update({f"{n:08}" for n in range(MOST + 50)}, 2.0)
    assert gate.shut("00000000", 1.0)
    assert gate.shut(f"{MOST - 1:08}", 1.0)
    assert not gate.shut(f"{MOST + 1:08}", 1.0)


def test_an_attempt_hands_back_uncharged(gate, monkeypatch):
    monkeypatch.setattr(module, "gate", gate)
    gate.update({"11111111"}, 10.0)
    result = attempt(Job("e" * 32, 1, 1, 0, "11111111", 9.0, 1e12, b"{}"))
    assert (result.decision.kind, result.entry) == ("ready", "")
