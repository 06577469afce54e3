"""The spool against a model: whatever is cut or killed, what was acknowledged comes out once, in order."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from leadrelay import entry as entry_module
from leadrelay.errors import BrokerUnavailable
from leadrelay.spool import reader as reader_module
from leadrelay.spool import writer as writer_module
from leadrelay.spool.drain import Drain
from leadrelay.spool.folder import Folder
from leadrelay.spool.frame import pack
from leadrelay.spool.writer import Writer

from tests.unit.spool.model import FakeQueue, Killed, eids, event

WRITERS = 3


@contextmanager
def dying(after):
    """Die before or after the n-th change that a drain makes to the disk or the queue."""
    left = after

    def step():
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    def around(function):
        def wrapped(*args, **kwargs):
            step()
            result = function(*args, **kwargs)
            step()
            return result

        return wrapped

    with ExitStack() as stack:
        for owner, name in (
            (Path, "rename"),
            (Path, "replace"),
            (Path, "unlink"),
            (Path, "rmdir"),
            (FakeQueue, "send"),
        ):
            stack.enter_context(patch.object(owner, name, around(getattr(owner, name))))
        yield


class SpoolModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.home = Path(tempfile.mkdtemp())
        self.folder = Folder(self.home, "t")
        self.writers = [self.writer() for _ in range(WRITERS)]
        self.queue = FakeQueue()
        self.number = 0
        self.patches = ExitStack()
        self.patches.enter_context(patch.object(writer_module, "SEGMENT_BYTES", 300))
        self.patches.enter_context(patch.object(entry_module, "MOST_AT_ONCE", 4))
        self.patches.enter_context(patch.object(reader_module, "_CHUNK", 400))
        self.patches.enter_context(patch.object(reader_module, "MOST_BYTES", 200))
        self.patches.enter_context(patch("os.fsync", lambda _: None))

    def writer(self):
        return Writer(self.folder, most_bytes=10**9)

    @rule(which=st.integers(0, WRITERS - 1), many=st.integers(1, 6), size=st.integers(0, 60))
    def append(self, which, many, size):
        self.writers[which].append([event(self.number + more, size) for more in range(many)])
        self.number += many

    @rule(which=st.integers(0, WRITERS - 1), share=st.floats(0, 0.99))
    def kill_a_writer_in_its_write(self, which, share):
        writer = self.writers[which]
        segment = writer._segment
        if segment and os.access(segment._path, os.F_OK):
            frame = pack(writer._stamps.draw(), event(10**9, 50))
            os.write(segment.handle, frame[: int(len(frame) * share)])
        writer.close()
        self.writers[which] = self.writer()

    @rule()
    def drain(self):
        Drain(self.folder, self.queue.send, self.queue.last_batch).run()
        self.check()
        assert len(self.queue.order) == self.number
        assert not self.folder.waits

    @rule(after=st.integers(1, 16))
    def kill_a_drain(self, after):
        try:
            with dying(after):
                Drain(self.folder, self.queue.send, self.queue.last_batch).run()
        except Killed:
            self.queue.recent.clear()  # so much else was accepted in between
        self.check()

    @rule(after=st.integers(1, 3), accepted=st.booleans())
    def the_broker_goes_away(self, after, accepted):
        calls = 0

        def send(entries, source, digest):
            nonlocal calls
            calls += 1
            if calls < after or accepted:
                self.queue.send(entries, source, digest)
            if calls >= after:
                raise BrokerUnavailable("away")

        with suppress(BrokerUnavailable):
            Drain(self.folder, send, self.queue.last_batch).run()
        self.check()

    def check(self):
        assert self.queue.order == eids(range(len(self.queue.order))), "in order, each once, none left out"

    def teardown(self):
        self.drain()
        self.patches.close()
        shutil.rmtree(self.home)


TestSpoolModel = SpoolModel.TestCase
TestSpoolModel.settings = settings(deadline=None, max_examples=60, stateful_step_count=30)
