"""The queue: where every accepted event is, until it is delivered, dead or dropped.

Every step is one Lua script, so that a process may die at any instant without an event being in no place or
in two. What stands where (all under one ``{namespace}``, names in `keys`):

``ready``, ``returning``, ``bulk``, ``suspects``
    Lists of messages, oldest on the right: tracked; due, replayed, released or next in their lane; imported;
    in flight when a worker died. A claim takes from them by fixed weights, suspects one at a time and alone.
``flight`` and ``leases``
    What workers hold: one hash, the worker and the token in the field name, and one lease per worker. A token
    is the sequence number and the id of the claim, so a settlement of an earlier claim is `late` and moves
    nothing, even when a broker that lost its last writes gave the number again. When a lease runs out, `rescue`
    takes its messages back as suspects.
``scheduled``
    Messages that wait for their next attempt, in one sorted set by time.
``held`` and ``lanes``
    A lane is in flight or scheduled with one message at a time, its head; those behind it wait in ``held``, a
    sorted set read by name, one run per lane in order of sequence. Settling the head puts the next one at the
    head of the queue. A head that keeps failing gives way: it stays scheduled, the lane moves on, and when it is due it
    takes its turn in the lane for one attempt (ADR 0009). A message whose dataset is blocked by a breaker waits in
    ``held`` too, under its scope.
``dead`` and ``dead_at``
    Dead letters by sequence number, and their order in time.
``watched`` and ``replays``
    The lanes of dead letters and of messages that gave way, with the highest sequence number sent since (an older one
    is then stale: ADR 0006); and replays of many letters, each with how far it is.
``ledger``, ``valve`` and ``flow``
    The books; what the claim may hand out; outcomes as they were settled, by which the controller changes it.
``recent``
    The eids accepted lately: one that comes again is not enqueued twice.
``batches``
    The last batch accepted from each journal of imports, written in the same step: after a crash an import asks for
    it, however many other events came in between.
``forgotten``
    Tombstones: who is forgotten, as keyed hashes, and up to which acceptance (`leadrelay.forgotten`). A worker settles
    as dropped what they cover.
``samples`` and ``samples_day``
    The books over time: one sample for each 10 s of the last hour and each 2 min of the last day (`samples`).
``hours``
    For reports: what became of the events accepted in each hour, by dataset and title (`hours`).

States and what moves an event between them:

=========== ============================== ==========================================================
state       where                          leaves by
=========== ============================== ==========================================================
ready       the four lists                 claim (in flight, or held behind its lane), purge (dropped)
held        ``held``                       its head settled or giving way, or its breaker closing (ready)
in flight   ``flight``                     settle (delivered, scheduled, dead, dropped, ready), rescue (ready)
scheduled   ``scheduled``                  due (ready)
dead        ``dead``                       replay (ready, or held behind its lane), drop and prune (dropped)
delivered   counted                        -
dropped     counted, reason in ``audit``   -
=========== ============================== ==========================================================

The ledger counts accepted, adopted, delivered and dropped, and what each state should hold; the lengths of
the structures say what it does hold; `Books` compares them. What the broker lost together with its counters
shows in the witness, a file outside it (`leadrelay.witness`).
"""

from leadrelay.queue.books import Books
from leadrelay.queue.core import Batch, Claim, Claimed, Queue, Receipt, Settled, Settlement
from leadrelay.queue.dead import DeadLetters, Replayed
from leadrelay.queue.keys import Keys
from leadrelay.queue.letter import DeadLetter
from leadrelay.queue.message import Entry, Message, UnreadableMessageError
from leadrelay.queue.selection import Selection
from leadrelay.queue.valve import Sending, Valve

__all__ = [
    "Batch",
    "Books",
    "Claim",
    "Claimed",
    "DeadLetter",
    "DeadLetters",
    "Entry",
    "Keys",
    "Message",
    "Queue",
    "Receipt",
    "Replayed",
    "Selection",
    "Sending",
    "Settled",
    "Settlement",
    "UnreadableMessageError",
    "Valve",
]
