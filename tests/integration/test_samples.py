"""Samples of the books over time: one for each step, whoever writes it; bounded; they outlive those who write."""

from dataclasses import replace
from unittest.mock import Mock

import pytest
from leadrelay.queue import Queue, Settlement, samples
from leadrelay.queue.books import read_books
from leadrelay.queue.samples import Sample, Samples
from leadrelay.queue.verify import recount
from leadrelay_worker.flow import memory as memories
from leadrelay_worker.flow.breaker import Breaker
from leadrelay_worker.flow.controller import Controller
from leadrelay_worker.flow.numbers import DEFAULT

from tests.integration.test_queue import entries, entry
from tests.valve import set_breaker

STEP = samples.STEP_MS


@pytest.fixture
def at(monkeypatch, queue):
    """Take a sample as if at this time, in steps; now is 1,008 to 1,020 steps after the first one."""
    coarse = samples.RESOLUTIONS[1][0]
    began = queue.now_ms() // coarse * coarse - 1008 * STEP

    def record(step):
        books = read_books(queue)
        monkeypatch.setattr(samples, "read_books", lambda _: books)
        object.__setattr__(books, "now_ms", began + int(step * STEP))
        return Samples(queue).record()

    record.began = began
    return record


@pytest.fixture
def patient(monkeypatch):
    """Let the script take samples of the past."""
    source = samples.scripts.source
    monkeypatch.setattr(samples.scripts, "source", lambda name: source(name).replace("NOW - at < step and", ""))
    samples.scripts.sha.cache_clear()
    yield
    samples.scripts.sha.cache_clear()


def test_a_sample_says_what_the_books_say(queue):
    queue.enqueue(entries(6))
    queue.enqueue([entry(10)], bulk=True)
    claim = queue.claim("w", "r", 4, 10**6, 0)
    kinds = (("delivered", "", "1:1:accepted:200:5"), ("scheduled", "60000", "1:1:transient:503:5"))
    kinds += (("dead", "rejected", "1:1:rejected:400:5"), ("dropped", "test", ""))
    settlements = [Settlement(m.token, *kind) for m, kind in zip(claim.messages, kinds, strict=True)]
    queue.settle("w", "s", settlements)
    set_breaker(queue, "", "limited", rate=7.5)
    assert Samples(queue).record()
    (sample,) = Samples(queue).read(60)
    books = read_books(queue)
    assert abs(sample.at_ms - books.now_ms) < 5000
    assert sample == Sample(
        at_ms=sample.at_ms,
        accepted=7,
        delivered=1,
        dead=1,
        dropped=1,
        retried=1,
        ready=3,
        bulk=1,
        scheduled=1,
        dead_now=1,
        lag_s=sample.lag_s,
        workers=1,
        sending="on",
        rate=7.5,
        attempts={"accepted": 1, "transient": 1, "rejected": 1},
    )


def test_a_step_takes_one_sample_whoever_brings_it(queue):
    taken = [Samples(Queue(queue.client)).record() for _ in range(20)]
    assert sum(taken) == len(Samples(queue).read(60)) <= 2


def test_a_writer_that_was_held_up_writes_nothing(queue, at):
    assert not at(-1)
    assert Samples(queue).read(10**6) == []


def test_the_last_hour_is_fine_and_the_last_day_coarse_and_no_more_is_kept(queue, at, patient):
    for step in range(0, 1000, 3):
        assert at(step)
    kept = [(sample.at_ms - at.began) // STEP for sample in Samples(queue).read(10**6)]
    assert kept == list(range(0, 1000, 3))  # 334 fine ones
    for step in range(1, 1000, 3):
        assert not at(step)  # older than the newest
    lengths = [queue.client.llen(key) for key in queue.keys.samples]
    assert lengths == [334, 84]
    assert Samples(queue).read(20) == []


def test_what_is_kept_is_bounded(monkeypatch, queue, at, patient):
    monkeypatch.setattr(samples, "RESOLUTIONS", ((STEP, 5), (12 * STEP, 4)))
    for step in range(100):
        at(step)
    kept = [(sample.at_ms - at.began) // STEP for sample in Samples(queue).read(10**6)]
    assert kept == [60, 72, 84, 95, 96, 97, 98, 99]


def test_a_clock_that_is_set_back_does_not_stop_them(queue, at, patient):
    for step in (998, 1400, 1500):
        at(step)
    assert at(1005)
    assert [(sample.at_ms - at.began) // STEP for sample in Samples(queue).read(10**6)] == [998, 1005]


def test_what_another_version_wrote_is_passed_over(queue):
    Samples(queue).record()
    for key in queue.keys.samples:
        queue.client.rpush(key, "1 [99,1,2,3]")
    assert len(Samples(queue).read(10**9)) == 1


def test_samples_of_a_full_day_are_small(queue, at, patient):
    queue.enqueue(entries(100))
    for step in range(1000):
        at(step)
    used = sum(queue.client.memory_usage(key, samples=0) for key in queue.keys.samples)
    assert used < 1080 * 250


def test_the_controller_alone_takes_them_and_they_outlive_it(queue):
    controllers = [Controller(queue, f"w{number}", DEFAULT) for number in range(3)]
    for controller in controllers * 3:
        controller.round()
    assert [controller._sampled > 0 for controller in controllers] == [True, False, False]
    before = Samples(queue).read(60)
    assert 1 <= len(before) <= 2
    queue.client.hdel(queue.keys.name("flow"), "controller")
    controllers[1].round()
    assert Samples(queue).read(60)[: len(before)] == before


def test_the_controller_tells_its_ceiling_and_the_good_rate(queue):
    Controller(queue, "w", replace(DEFAULT, max_rate=250)).round()
    memory = memories.read("")
    memory = replace(memory, good=70.0, breakers={"": Breaker(state="limited", good=40.0)})
    assert memory.known_good == 40.0
    assert replace(memory, breakers={}).known_good == 70.0
    assert [sample.ceiling for sample in Samples(queue).read(60)] == [250]
    queue.client.delete(*queue.keys.samples)
    assert Samples(queue).record(good=12.3456)
    assert Samples(queue).read(60)[0].good == 12.346


def test_what_is_scheduled_is_counted_by_when_it_is_due(queue):
    queue.enqueue(entries(6))
    claim = queue.claim("w", "r", 6, 10**6, 0)
    waits = (0, 1500, 1600, 45_000, 3_000_000, 400_000_000)
    queue.settle(
        "w", "s", [Settlement(m.token, "scheduled", str(w)) for m, w in zip(claim.messages, waits, strict=True)]
    )
    due = Samples(queue).due(queue.now_ms())
    assert sum(number for _, number in due) == 6
    assert due[-1] == (2.0**17 * 1.5, 1)
    assert [number for at_s, number in due if 30 < at_s < 60] == [1]
    assert [number for at_s, number in due if 2000 < at_s < 4000] == [1]
    assert sum(number for at_s, number in due if at_s <= 1.5) == 3


def test_a_step_that_has_its_sample_costs_the_controller_nothing(queue):
    controller = Controller(queue, "w", DEFAULT)
    controller._samples = Mock()
    step = queue.now_ms() // STEP
    for _ in range(5):
        controller.round()
    assert controller._samples.record.call_count <= 1 + queue.now_ms() // STEP - step


def test_the_recount_has_nothing_against_them(queue):
    queue.enqueue(entries(3))
    Samples(queue).record()
    assert recount(queue).findings == []
