"""The outbox: events written in the same database transaction as what they tell of, and moved to the queue afterwards.

::

    row      what the table holds of an event, and the queue's entry of it
    horizon  how far rows may be taken, so that none that commits later belongs before them
    relay    one step: send the batch that is noted, delete its rows, note the next one
    loop     steps until stopped, with waiting when the broker or the database is away
    command  the same for `leadrelay outbox` and `manage.py leadrelay_outbox`
    store    what a database must be able to do; `contrib.django` and `contrib.sqlalchemy` are the two that can

**Once.** A batch is noted in the database, and committed, before it is sent; its rows are deleted, and the next batch
noted, in one transaction after it was accepted. A relay that is killed in between leaves the noted batch, and the next
one sends it again under the same name, by which the queue recognises it however long that took (`queue.Batch`).

**In order.** Rows leave by their ids, one relay at a time. An id is given before its transaction commits, so that a row
may turn up behind one that has left: on PostgreSQL each transaction that writes to the outbox holds a shared advisory
lock, which blocks nobody, and the relay takes no row while a transaction that may hold a lower one is under way, for up
to a minute (`horizon`). SQLite has one writing transaction at a time, so that the question does not arise.

Why it is so: docs/adr/0013-outbox.md.
"""
