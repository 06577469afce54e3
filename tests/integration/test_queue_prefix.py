"""A broker that lost its last seconds holds some earlier moment of the queue, whole; workers that know more do no harm.

The append-only file of one history is cut at many places. Each time the workers go on with what they hold and believe.
"""

from leadrelay.queue import DeadLetters, Queue
from leadrelay.queue.books import read_books
from leadrelay.queue.verify import recount, waiting

from tests.integration.moves import Requests, entry, seqs
from tests.integration.test_queue_loss import Forgetful
from tests.valve import set_breaker

LANES = ["a" * 16, "b" * 16, ""]
CUTS = 12
ENDS = [
    ("delivered", "", "1:1:accepted:200:5"),
    ("scheduled", "1", "1:1:transient?:timeout:5"),
    ("dead", "expired", "1:1:transient:503:5"),
    ("suspect", "", ""),
    ("ready", "", ""),
]


def history(queue):
    """Let everything happen once; gives the workers, each with what it holds in the end."""
    one, two = Requests(queue, "one"), Requests(queue, "two")
    for number in range(1, 25):
        queue.enqueue(
            [entry(number, LANES[number % 3], scope="a" * 8 if number % 4 else "b" * 8)], bulk=number % 5 == 0
        )
    for turn in range(6):
        worker = one if turn % 2 else two
        for place, seq in enumerate(seqs(worker.claim(limit=5))):
            how = [("delivered",), ("scheduled", "1"), ("dead", "expired"), ("suspect",), ("ready",)][
                (place + turn) % 5
            ]
            worker.settle(seq, *how, *([""] * (len(how) == 1)), f"1:1:{'accepted' if not place else 'transient?'}:x:5")
        queue.due()
        if turn == 2:
            set_breaker(queue, "b" * 8, "open")
        if turn == 4:
            set_breaker(queue, "b" * 8, "closed")
            DeadLetters(queue).replay(
                [letter.message.seq for letter in DeadLetters(queue).select()], "me", allow_stale=True
            )
    queue.client.zadd(queue.keys.name("leases"), {"two": 1})
    two.claim(limit=1)
    one.claim(limit=4)
    assert one.tokens
    return [one, two]


def all_of_it_leaves(queue, workers):
    """The workers go on: a heartbeat, what they hold is settled, then all that is there is delivered."""
    for worker in workers:
        queue.heartbeat(worker.name, list(worker.tokens.values()))
        for seq in list(worker.tokens):
            worker.settle(seq)
    fresh = Requests(queue, "fresh")
    set_breaker(queue, "b" * 8, "closed")
    for _ in range(60):
        queue.rescue("run")
        queue.client.zadd(queue.keys.name("leases"), {"one": 1, "two": 1}, xx=True)
        for member in queue.client.zrange(queue.keys.name("scheduled"), 0, -1):
            queue.client.zadd(queue.keys.name("scheduled"), {member: 1})
        for seq in seqs(fresh.claim()):
            fresh.settle(seq)


def test_every_cut_leaves_a_whole_queue_and_all_of_it_leaves(tmp_path):
    server = Forgetful(tmp_path)
    try:
        queue = Queue(server.client)
        queue.enqueue([])
        begun = server.file.stat().st_size
        known = [(worker.name, dict(worker.tokens), worker.number) for worker in history(queue)]
        whole = server.file.read_bytes()
        for number in range(CUTS + 1):
            server.kill()
            server.file.write_bytes(whole[: begun + (len(whole) - begun) * number // CUTS])
            server.start()
            assert recount(queue).findings == [], number
            workers = [Requests(queue, name) for name, _, _ in known]
            for worker, (_, tokens, requests) in zip(workers, known, strict=True):
                worker.tokens, worker.number = dict(tokens), requests + 1000
            all_of_it_leaves(queue, workers)
            books = read_books(queue)
            assert (recount(queue).findings, books.backlog, books.in_flight) == ([], 0, 0), (number, waiting(queue))
            assert books.lengths["lanes"] == 0
    finally:
        server.kill()
