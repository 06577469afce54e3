import sys
from threading import Event, Thread

import pytest
from leadrelay.errors import BrokerUnavailable
from leadrelay.queue.core import Claim, Claimed, Settled
from leadrelay.queue.message import Message
from leadrelay_worker.transport.flight import Flight


def claimed(seq):
    message = Message(seq, f"{seq:032x}", "", "s", "l", 0, 0, 1, 0, 0, 0, 0, False, (), b"{}")
    return Claimed(f"{seq}.1", message, 0)


class FakeQueue:
    """Answers turns from a list; an exception in it is raised."""

    witness = None
    settled = Settled(0, 0)

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []
        self.alive = True

    def turn(self, *args):
        self.calls.append(args)
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        return self.settled, answer if isinstance(answer, Claim) else Claim(tuple(answer), 100, False, False, False)

    def heartbeat(self, worker, holds):
        self.told = holds
        return self.alive

    def leave(self, worker):
        self.left = worker
        return True


def test_a_lost_reply_is_asked_for_again_word_for_word():
    queue = FakeQueue(BrokerUnavailable(), [claimed(1)])
    flight = Flight(queue, "w", 4)
    flight.settle("9.1", "delivered")
    with pytest.raises(BrokerUnavailable):
        flight.turn()
    flight.settle("8.1", "delivered")
    assert [message.token for message in flight.turn()] == ["1.1"]
    assert queue.calls[0] == queue.calls[1]
    assert flight.pending == 1


def test_what_was_to_be_dead_is_told_when_the_queue_has_answered():
    queue = FakeQueue(BrokerUnavailable())
    queue.settled = Settled(2, 0, ("8.1",))
    flight, told = Flight(queue, "w", 4), {}
    for token in ("8.1", "9.1"):
        flight.settle(token, "dead", "rejected", "", lambda died, token=token: told.update({token: died}))
    with pytest.raises(BrokerUnavailable):
        flight.turn()
    assert told == {}
    flight.turn()
    flight.turn()
    assert told == {"8.1": False, "9.1": True}


def test_credit_is_what_is_not_held():
    flight = Flight(FakeQueue([claimed(1), claimed(2)]), "w", 4)
    flight.turn()
    assert flight.room == 2
    flight.settle("1.1", "delivered")
    assert flight.room == 3


def test_prefork_waits_for_enough_room():
    flight = Flight(FakeQueue([claimed(n) for n in range(6)]), "w", 8, least=4)
    flight.turn()
    assert flight.room == 0


@pytest.mark.parametrize("flag", ["alone", "drain"])
def test_nothing_is_claimed_beside_a_suspect(flag):
    answer = Claim((claimed(1),), 100, False, flag == "alone", flag == "drain")
    flight = Flight(FakeQueue(answer), "w", 4)
    flight.turn()
    assert flight.room == 0
    flight.settle("1.1", "delivered")
    assert flight.room == 4


def test_a_lost_lease_lets_go_of_everything():
    queue = FakeQueue([claimed(1)])
    flight = Flight(queue, "w", 4)
    flight.turn()
    queue.alive = False
    flight.heartbeat()
    assert flight.holding == 0


def test_a_heartbeat_tells_what_is_held_and_what_is_not_told_yet():
    queue = FakeQueue([claimed(1), claimed(2)], BrokerUnavailable())
    flight = Flight(queue, "w", 4)
    flight.turn()
    flight.settle("1.1", "delivered")
    flight.heartbeat()
    assert queue.told == {"1.1", "2.1"}
    with pytest.raises(BrokerUnavailable):
        flight.turn()
    flight.heartbeat()
    assert queue.told is None


def test_what_is_held_too_long_is_given_back(monkeypatch):
    flight = Flight(FakeQueue([claimed(1)]), "w", 4)
    flight.turn()
    monkeypatch.setattr("leadrelay_worker.transport.flight.HOLD_CAP_S", -1)
    flight.heartbeat()
    assert (flight.holding, flight.pending) == (0, 1)


def test_closing_hands_back_the_oldest_last():
    queue = FakeQueue([claimed(1), claimed(12), claimed(3)])
    flight = Flight(queue, "w", 4)
    flight.turn()
    flight.close()
    assert [(settlement.token, settlement.kind) for settlement in queue.calls[-1][2]] == [
        ("12.1", "ready"),
        ("3.1", "ready"),
        ("1.1", "ready"),
    ]
    assert queue.left == flight.worker


def test_closing_hands_back_what_the_last_lost_reply_brings():
    queue = FakeQueue(BrokerUnavailable(), [claimed(1)])
    flight = Flight(queue, "w", 4)
    with pytest.raises(BrokerUnavailable):
        flight.turn()
    flight.close()
    assert [settlement.kind for call in queue.calls for settlement in call[2]] == ["ready"]
    assert flight.holding == 0


def test_a_heartbeat_goes_on_while_threads_settle():
    flight = Flight(FakeQueue(), "w", 4)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    ended = Event()
    thread = Thread(target=lambda: [flight.settle(f"{n}.1", "delivered") for n in range(20_000) if not ended.is_set()])
    try:
        thread.start()
        while thread.is_alive():
            flight._tokens()
    finally:
        ended.set()
        sys.setswitchinterval(interval)
        thread.join()


def test_a_restarted_worker_has_another_name():
    assert Flight(FakeQueue(), "w", 1).worker != Flight(FakeQueue(), "w", 1).worker
