"""What the gateway takes at most. All of these are ours: the vendor names none (facts.md, last table)."""

from __future__ import annotations

#: Bytes of path and query.
MOST_LINE = 8 * 1024
#: Bytes of a form; an event has at most 64 KB (`event.MOST_BYTES`), which its encoding may triple.
MOST_FORM = 256 * 1024
#: Fields of a query and a body together.
MOST_FIELDS = 1000
#: Bytes of an upload as it comes, and once it is unpacked.
MOST_UPLOAD, MOST_UNPACKED = 1024 * 1024, 4 * 1024 * 1024
#: Parts of an upload's form, and members of its gzip: each costs a copy of what follows it.
MOST_PARTS, MOST_MEMBERS = 20, 100
#: Bytes of a header that names a boundary or a field: reading one takes time by the square of its length.
MOST_HEADER = 1024
#: Events in one upload, and its lines: it must be answered in time.
MOST_LINES = 5000
#: Whole uploads at a time; each may need `MOST_UNPACKED`.
MOST_UPLOADS = 4
#: Connections at a time; one more is cut.
MOST_CONNECTIONS = 2000
#: Bytes of bodies in memory at a time; what would need more is refused.
MOST_IN_MEMORY = 64 * 1024 * 1024
#: Events that wait for the queue, and their bytes; what would wait behind them is refused.
MOST_WAITING, MOST_WAITING_BYTES = 10_000, 32 * 1024 * 1024
#: Seconds in which a request must have come whole, and in which an answer must be taken.
SLOW_S = 10.0
#: Seconds for which a connection without a request is kept.
IDLE_S = 15
#: Seconds from a request to its answer, at most: real clients wait for 3 (facts.md).
ANSWER_S = 2.5
#: Seconds that one call to the queue may take; with the one before it a request is answered in time.
CALL_S = 1.0
#: Seconds in which a stopping gateway answers what it has read.
STOP_S = 5
