"""The queue against a model: any order of moves, on a real server, with crashes, lost replies and restarts.

The model knows only what it was told (accepted, settled so); the invariants read every structure of the server.
"""

from tests.property.model.invariants import Invariants
from tests.property.model.misfortunes import Misfortunes
from tests.property.model.operators import Operators
from tests.property.model.producers import Producers
from tests.property.model.state import search
from tests.property.model.workers import Workers


class QueueMachine(Producers, Workers, Operators, Misfortunes, Invariants):
    """Rules are the queue's moves."""


def test_queue_follows_the_model():
    search(QueueMachine, examples=40, steps=40)
