"""Several processes write while another drains."""

import subprocess
import sys

from leadrelay.spool.drain import Drain
from leadrelay.spool.folder import Folder

from tests.chaos.processes import until
from tests.unit.spool.model import FakeQueue

WRITING = """\
import sys, time
from pathlib import Path
from leadrelay.entry import Entry
from leadrelay.spool.folder import Folder
from leadrelay.spool.writer import Writer
writer = Writer(Folder(Path(sys.argv[1]), "t"), most_bytes=10**9)
for number in range(2000):
    while number == 1000 and not Path(sys.argv[1], "drained").exists():
        time.sleep(0.01)
    writer.append([Entry(f"{sys.argv[2]}-{number:05}", "", "s", b"x")])
"""


def test_each_events_of_each_process_come_out_once_in_its_order(tmp_path):
    folder, queue = Folder(tmp_path, "t"), FakeQueue(window=20_000)
    writers = [subprocess.Popen([sys.executable, "-c", WRITING, str(tmp_path), str(n)]) for n in range(3)]

    def drained() -> bool:
        running = any(writer.poll() is None for writer in writers)
        if Drain(folder, queue.send, queue.last_batch).run().events:
            (tmp_path / "drained").touch()
        return not running and not folder.waits

    until(drained, "the writers are done and all is drained", 120)
    assert [writer.returncode for writer in writers] == [0] * 3
    for number in range(3):
        own = [eid for eid in queue.order if eid.startswith(f"{number}-")]
        assert own == [f"{number}-{serial:05}" for serial in range(2000)]
