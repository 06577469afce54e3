"""Clocks that are set, and starts of the machine: no order changes."""

import pytest
from leadrelay.spool import stamps as stamps_module
from leadrelay.spool.stamps import Stamps
from leadrelay.spool.summary import summary

from tests.unit.spool.model import drained, eids, event, writer


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


@pytest.mark.parametrize("jump_s", [-30 * 86400, 30 * 86400])
def test_an_age_is_told_whatever_the_clock_says(folder, monkeypatch, jump_s):
    writer(folder).append([event(1)])
    real = stamps_module.time.time_ns
    monkeypatch.setattr(stamps_module.time, "time_ns", lambda: real() + jump_s * 10**9)
    monkeypatch.setattr(stamps_module.time, "time", lambda: real() / 1e9 + jump_s)
    monkeypatch.setattr(
        stamps_module.time, "monotonic_ns", lambda at=stamps_module.time.monotonic_ns: at() + 60 * 10**9
    )
    assert 60 <= summary(folder).oldest_s < 1000


def test_stamps_rise(folder):
    folder.make()
    first, second = Stamps(folder), Stamps(folder)
    drawn = [stamps.draw() for _ in range(1000) for stamps in (first, second)]
    assert drawn == sorted(drawn)
