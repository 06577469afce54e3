"""Two processes write and one drains, in every order of their file system calls up to a number of switches.

Whatever the order, and whatever befalls one of them at any call: an event whose call returned is in the queue after the
next drain, or was counted as lost; each comes after those whose calls had returned before its own began.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from leadrelay.spool import writer as writer_module
from leadrelay.spool.drain import Drain
from leadrelay.spool.folder import Folder
from leadrelay.spool.lost import Lost, lost
from leadrelay.spool.writer import Writer

from tests.unit.spool.model import FakeQueue, event
from tests.unit.spool.stage import Fault, Interrupted, Stage, schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.unit.spool.stage import Step, Switch

    Plan = Sequence[Switch | Fault]


#: Where a file system costs no disk.
MEMORY = "/dev/shm"


@dataclass
class Call:
    """One call that gave an event: when it began, when it returned, and what became of the event."""

    eid: str
    began: int
    returned: int | None = None
    outcome: str = "nobody was told"


class Play:
    """A home, its writers and its drain."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
        self.folder, self.queue = Folder(self.home, "t"), FakeQueue(window=1000)
        self.writers = [Writer(self.folder, most_bytes=10**9) for _ in range(2)]
        self.lost = [Lost(self.folder) for _ in range(2)]
        self.calls: list[Call] = []
        self.removed_at = 0
        self.writer_of: dict[Callable[[], object], int] = {}
        self.stage: Stage | None = None

    def put(self, which: int, *, direct: bool = False) -> None:
        """As `Handover.put`; the broker serves this process, or has been away for it."""
        number = len(self.calls)
        entry = event(number)
        call = Call(entry.eid, self._now())
        self.calls.append(call)
        if direct and not self.folder.waits:
            self._send([entry], "direct", entry.eid)
            call.outcome = "sent"
        else:
            try:
                self.writers[which].append([entry])
                call.outcome = "spooled"
            except OSError:
                self.lost[which].count(1)
                call.outcome = "lost"
        call.returned = self._now()

    def writes(self, which: int, many: int, *, direct: bool = False) -> Callable[[], None]:
        """Give a process that tracks so many events; a signal's exception ends a call, and it goes on."""

        def body() -> None:
            for _ in range(many):
                with suppress(Interrupted):
                    self.put(which, direct=direct)

        self.writer_of[body] = which
        return body

    def drains(self) -> None:
        """Be a process that drains once."""
        try:
            Drain(self.folder, self._send, self.queue.last_batch).run()
        except Interrupted:
            return
        except OSError as error:  # as its callers
            if error.errno != errno.ENOSPC:
                raise

    def removes(self) -> None:
        """Be somebody who removes the home."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.removed_at = self._now()

    def run(self, bodies: Sequence[Callable[[], object]], plan: Plan) -> list[Step]:
        """Let them run as the plan says, then drain what waits."""

        def handler(actor: int) -> None:
            if bodies[actor] in self.writer_of:
                self.put(self.writer_of[bodies[actor]])

        self.stage = Stage(bodies, plan, handler)
        self.stage.run()
        for _ in range(5):
            Drain(self.folder, self.queue.send, self.queue.last_batch).run()
        return self.stage.trace

    def check(self) -> None:
        """Nothing is gone without a word, and nothing has overtaken what was accepted before it."""
        assert not self.folder.waits, "the spool is drained"
        place = {eid: number for number, eid in enumerate(self.queue.order)}
        told = [call for call in self.calls if call.outcome in {"sent", "spooled"}]
        gone = [call for call in told if call.eid not in place and call.returned > self.removed_at]
        assert not gone, "gone"
        assert not self.removed_at or not [call for call in self.calls if call.outcome == "lost"]
        kept = [call for call in told if call.eid in place]
        unkept = sum(call.outcome == "lost" for call in self.calls)
        assert lost(self.folder)["events"] + sum(counter.pending for counter in self.lost) >= unkept
        kept.sort(key=lambda call: place[call.eid])
        for number, later in enumerate(kept):
            overtaken = [call.eid for call in kept[:number] if later.returned < call.began]
            assert not overtaken, f"{overtaken} left before {later.eid}"

    def close(self) -> None:
        """Leave nothing open, and nothing behind."""
        for one in [*self.writers, *(self.stage.actors if self.stage else ())]:
            with suppress(OSError):
                one.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def _now(self) -> int:
        return self.stage.now if self.stage else 0

    def _send(self, *args: Any) -> None:
        if self.stage:
            self.stage.step("send")
        self.queue.send(*args)


def fresh(play: Play) -> list[Callable[[], None]]:
    """Nothing is there: not even the home's folders."""
    return [play.drains, play.writes(0, 2), play.writes(1, 2)]


def going(play: Play) -> list[Callable[[], None]]:
    """Both have spooled before, and go on while the drain empties it."""
    play.put(0)
    play.put(1)
    return [play.drains, play.writes(0, 2), play.writes(1, 2)]


def served(play: Play) -> list[Callable[[], None]]:
    """The broker is away for one of them only."""
    play.put(0)
    return [play.drains, play.writes(0, 2), play.writes(1, 3, direct=True)]


def two_drains(play: Play) -> list[Callable[[], None]]:
    """Another process wants to drain too."""
    play.put(0)
    return [play.drains, play.writes(0, 2), play.drains]


def removed(play: Play) -> list[Callable[[], None]]:
    """Somebody removes the home while they write and drain."""
    play.put(0)
    return [play.drains, play.writes(0, 2), play.removes]


@pytest.fixture(autouse=True)
def _same_steps(monkeypatch):
    monkeypatch.setattr(writer_module, "_MEASURED_S", float("inf"))


def played(scene: Callable[[Play], list[Callable[[], None]]], first: int = 0) -> Callable[[Plan], list[Step]]:
    """Give what plays a scene and checks what came of it; `first` begins."""

    def play(plan: Plan) -> list[Step]:
        here = Play()
        try:
            bodies = scene(here)
            trace = here.run(bodies[first:] + bodies[:first], plan)
            here.check()
        except BaseException as error:
            error.add_note(f"plan: {list(plan)}")
            raise
        finally:
            here.close()
        return trace

    return play


SCENES = [fresh, going, served, two_drains]
#: What befalls one of them, at any call.
FAULTS = ["kill", "half", "full", "short", "before", "after", "calls"]


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("first", range(3))
def test_nothing_is_gone_or_overtaken_in_any_order(scene, first):
    assert schedules(played(scene, first), switches=1)["schedules"] > 10


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("first", range(3))
def test_nothing_is_gone_or_overtaken_whatever_befalls_one(scene, first):
    assert schedules(played(scene, first), switches=0, kinds=FAULTS, faults=1)["schedules"] > 10


@pytest.mark.parametrize("first", range(3))
@pytest.mark.parametrize("switches", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_home_that_is_removed_is_made_again(first, switches):
    """What was in it is gone with it; who tracks afterwards, or meanwhile, is told of no trouble, and loses nothing."""
    schedules(played(removed, first), switches)


@pytest.mark.parametrize(("home", "folder", "file"), [(0o700, 0o700, 0o600), (0o2770, 0o2770, 0o660)])
def test_nobody_ever_meets_a_file_that_is_open_to_more_or_fewer_than_the_home(home, folder, file):
    play, met = Play(), set()
    play.home.chmod(home)

    def watch() -> None:
        for path in play.home.rglob("*"):
            mode = path.stat().st_mode
            known = path.name.startswith(".") or path.parent == play.folder.segments  # being made; one process's own
            expected = (folder if stat.S_ISDIR(mode) else file) if not known else 0
            met.add((path.relative_to(play.home).parts[:3], expected, stat.S_IMODE(mode)))

    before = os.umask(0)
    try:
        Stage([play.writes(0, 2), play.drains, play.writes(1, 1)], watch=watch).run()
    finally:
        os.umask(before)
        play.close()
    assert len(met) > 5
    for parts, expected, mode in met:
        assert mode == expected or (not expected and not mode & ~home), f"{parts} had {oct(mode)}"


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_nothing_is_gone_or_overtaken_in_any_order_of_more_switches(scene):
    assert schedules(played(scene), switches=2)["schedules"] > 100


@pytest.mark.slow
@pytest.mark.parametrize("scene", [served])
@pytest.mark.parametrize("kind", FAULTS)
def test_nothing_is_gone_or_overtaken_whatever_befalls_one_in_any_order(scene, kind):
    schedules(played(scene), switches=1, kinds=[kind], faults=1)
