"""The spool: events that the broker could not take, on the local disk until it can.

One folder for each broker and namespace (`Settings.label`) in ``spool`` of the home, so that what was meant for one
never goes to another. In it:

``segments/``
    One file a process (and a new one every few megabytes), appended to with one write(2) a call, under a lock on the
    file that its owner holds for that write. A file is there as long as something in it waits: so a folder without
    files means that events may go to the broker directly, and one with files that they go behind those.
``order``
    The highest stamp given. Stamps are the machine's clock, but never go back: they order the events of all processes.
``journal``
    How far the drain came in each segment, and the batch it sent last; the queue remembers the same batch
    (`queue.Batch`), so that a drain that was killed goes on without doubles.
``lost``
    What was counted as lost: the spool was full, a disk failed.
``drain.lock``
    Held by the one process that drains.

The order is that of acceptance: the drain takes only stamps below one that it drew before it looked, so that what was
written later, in a segment it has already read, is not overtaken. Who draws a stamp and has not yet written has not
returned to its caller: such events have no order yet.
"""

from leadrelay.spool.drain import Drain, Drained
from leadrelay.spool.folder import Folder, folders
from leadrelay.spool.summary import Summary, summary
from leadrelay.spool.writer import Writer

__all__ = ["Drain", "Drained", "Folder", "Summary", "Writer", "folders", "summary"]
