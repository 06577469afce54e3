"""Importing files of events: each record once, however often the command runs and whenever it is killed.

::

    source   bytes -> lines            bounded, gzip or plain
    formats  lines -> records          CSV, JSON lines, combined logs, Track API URLs; a broken one is a rejected line
    shape    record -> event           the options: mapping, title, identity, proxy
    runner   events -> queue           in batches, with the journal

**Once.** A record has an id, derived from the dataset, the record, the options that make it another event
(`Shape.mark`) and how often this source had the same record before. The journal, in the home, knows the ids that were
imported, and before a batch is sent it notes the batch as in doubt. The queue keeps, in the step that accepts a batch,
the digest of the last one of each journal. So an import that was killed finds at most one batch in doubt, and asks.
"""
