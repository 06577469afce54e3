"""The spool: events that the broker could not take, on the local disk until it can.

One folder for each broker and namespace (`Settings.label`) in ``spool`` of the home, so that what was meant for one
never goes to another. In it:

``segments/``
    One file a process (and a new one every few megabytes), appended to with one write(2) a call. The folder is there as
    long as something waits: without it events go to the broker directly, with it they go behind what waits. A segment
    that has been drained is renamed before it is removed; a process that finds its segment renamed after a write
    writes the same into a new one. So it does after a write that failed: the drain may have read further than what was
    written for good.
``order``
    The base of stamps, which order the events of all processes; read again with each new segment.
``journal``
    How far the drain came in each segment, and the batch it sent last; the queue remembers the same batch
    (`queue.Batch`), so that a drain that was killed goes on without doubles.
``lost``
    What was counted as lost: the spool was full, a disk failed.
``*.damaged``
    What was found damaged, for a person to look at. Nothing reads it.
``drain.lock``
    Held by the one process that drains.

The order is that of acceptance: the drain takes only stamps below one that it drew before it looked, so that what was
written later, in a segment it has already read, is not overtaken. Who draws a stamp and has not yet written has not
returned to its caller: such events have no order yet.

Files and folders appear with their permissions, journal and count with their room: nothing is half made, for other
users or on a disk that fills. Whoever finds the folder removed makes it again. A test (`test_interleavings.py`) holds
all of this in every order of the calls, whatever ends one of the processes between two of them.
"""
