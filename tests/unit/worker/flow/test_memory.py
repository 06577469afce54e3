import json

from leadrelay_worker.flow import memory
from leadrelay_worker.flow.numbers import Numbers
from leadrelay_worker.flow.policy import Memory

from tests.unit.worker.flow.world import World


def test_what_is_written_is_read_again():
    world = World(lambda *_: ("misconfigured", "http_401"), numbers=Numbers(refused_events=9))
    world.run(5, lambda _: ["a", "b"])
    assert world.memory.breakers
    assert memory.read(memory.write(world.memory)) == world.memory


def test_what_cannot_be_read_is_an_empty_memory():
    for text in ("", "[", "[1]", "{}", "null", "[1,2,3,4]", '[1,2,3,{"a":[1]}]', json.dumps([99, 1, 1, {}])):
        assert memory.read(text) == Memory()


def test_it_stays_small_however_long_an_endpoint_half_fails():
    turn = iter(range(10**9))
    world = World(lambda *_: ("transient", "http_503") if next(turn) % 2 else ("accepted", "http_200"))
    world.run(900, lambda number: [f"s{number % 5}"])
    assert world.memory.breakers
    assert len(memory.write(world.memory)) < 30_000
