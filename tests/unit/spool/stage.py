"""A stage on which actors share a file system, one call at a time, in any order that a test wants.

Each actor stands for a process: a greenlet that stops before every call of the operating system, until the stage lets
it go on. A schedule says where it does not go on: at which step another actor does, or what befalls it there.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from greenlet import getcurrent, greenlet
from leadrelay import home

from tests.unit.spool.model import Killed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

#: What the spool calls of the system; a call that is missing here is no step, and nothing else.
CALLS = (
    "open", "write", "pwrite", "pread", "read", "ftruncate", "close", "access", "stat", "mkdir", "rmdir", "rename",
    "replace", "link", "unlink", "listdir", "scandir", "chmod", "chown",
)  # fmt: skip
#: Those that show another actor nothing: it does not matter on which side of them he goes on.
QUIET = {"close", "chmod", "chown"}
#: Those that a full disk refuses.
GROWING = {"open", "write", "pwrite", "mkdir", "rename", "replace", "link"}


class Interrupted(BaseException):
    """What a signal's handler raises."""


class Switch(NamedTuple):
    """At this step, another actor goes on."""

    step: int
    to: int


class Fault(NamedTuple):
    """At this step, something befalls the actor: ``kill``, ``half`` (killed in the middle of a write), ``full``
    (the disk, for this call), ``short`` (full in the middle of a write), ``before`` or ``after`` (a signal, whose
    handler raises), ``calls`` (one whose handler does something of its own, and lets it go on).
    """

    step: int
    kind: str


class Step(NamedTuple):
    """What happened: who, which call, and who else could have gone on."""

    actor: int
    call: str
    others: tuple[int, ...]


class Actor(greenlet):
    """One process."""

    def __init__(self, number: int, body: Callable[[], object]) -> None:
        super().__init__(self._live)
        self.number, self.body = number, body
        self.handles: set[int] = set()
        self.call, self.waits_for_lock, self.ended = "start", False, False
        self.error: BaseException | None = None

    def _live(self) -> None:
        try:
            self.body()
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - told by `Stage.run`
            self.error = error
        finally:
            if self.ended:  # killed: what it had open is closed by the system
                self.close()
            self.ended = True

    def close(self) -> None:
        """Close what it has open."""
        for handle in self.handles:
            with suppress(OSError):
                REAL["close"](handle)
        self.handles.clear()


REAL: dict[str, Any] = {name: getattr(os, name) for name in CALLS}


class Stage:
    """Runs actors under one schedule.

    Args:
        bodies: What each does, in the order in which they go on by themselves, round and round.
        plan: Switches and faults, by rising steps.
        handler: Given the actor's number, what a signal's handler does.
        watch: Looks at everything after each step.
    """

    def __init__(
        self,
        bodies: Sequence[Callable[[], object]],
        plan: Sequence[Switch | Fault] = (),
        handler: Callable[[int], object] = lambda _: None,
        watch: Callable[[], object] = lambda: None,
    ) -> None:
        self.handler, self.watch = handler, watch
        self.actors = [Actor(number, body) for number, body in enumerate(bodies)]
        self.switches = {entry.step: entry.to for entry in plan if isinstance(entry, Switch)}
        self.faults = {entry.step: entry.kind for entry in plan if isinstance(entry, Fault)}
        self.trace: list[Step] = []
        self._fault = ""

    def run(self) -> None:
        """Let all come to their end; raises what one raised."""
        with self._patched():
            current = 0
            while able := self._able():
                step = len(self.trace)
                current = min(able, key=lambda number: (number - current) % len(self.actors))
                current = self.switches.get(step, current) if self.switches.get(step) in able else current
                actor = self.actors[current]
                others = tuple(number for number in able if number != current)
                self.trace.append(Step(current, actor.call, others))
                self._fault = self.faults.get(step, "")
                actor.waits_for_lock = False
                actor.switch()
                self.watch()
                if not actor.waits_for_lock:  # whoever waits for a lock tries again
                    for waiting in self.actors:
                        waiting.waits_for_lock = False
        stuck = [actor.number for actor in self.actors if not actor.ended]
        assert not stuck, f"actors {stuck} wait for locks that nobody gives back"
        for actor in self.actors:
            if actor.error:
                raise actor.error

    @property
    def now(self) -> int:
        """The number of steps so far."""
        return len(self.trace)

    def step(self, call: str) -> None:
        """Be one step of the actor that runs, which is no call of the system."""
        self._called(call, lambda: None)

    def _able(self) -> list[int]:
        return [actor.number for actor in self.actors if not actor.ended and not actor.waits_for_lock]

    @contextmanager
    def _patched(self) -> Iterator[None]:
        with ExitStack() as stack:
            for name in CALLS:
                stack.enter_context(patch.object(os, name, self._wrapped(name)))
            stack.enter_context(patch.object(os, "fsync", lambda _: None))
            stack.enter_context(patch.object(home, "get_ident", lambda: id(getcurrent())))
            stack.enter_context(patch.object(fcntl, "flock", self._flock(fcntl.flock)))
            yield

    def _wrapped(self, name: str) -> Callable[..., Any]:
        real = REAL[name]

        def called(*args: Any, **kwargs: Any) -> Any:
            return self._called(name, real, *args, **kwargs)

        return called

    def _called(self, name: str, real: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        actor = getcurrent()
        if not isinstance(actor, Actor):
            return real(*args, **kwargs)
        if actor.ended:
            if name == "close":  # of a generator that ends with it
                return None
            raise Killed
        actor.call = name
        actor.parent.switch()
        fault, self._fault = self._fault, ""
        if fault == "calls":
            self.handler(actor.number)
        _befall(fault, actor, name, args)
        result = real(*args, **kwargs)
        if name == "open":
            actor.handles.add(result)
        elif name == "close":
            actor.handles.discard(args[0])
        if fault == "after":
            raise Interrupted
        return result

    def _flock(self, real: Callable[[int, int], None]) -> Callable[[int, int], None]:
        def flock(handle: int, how: int) -> None:
            actor = getcurrent()
            if not isinstance(actor, Actor) or how & fcntl.LOCK_NB or how & fcntl.LOCK_UN:
                self._called("flock", real, handle, how)
                return
            while True:
                try:
                    self._called("flock", real, handle, how | fcntl.LOCK_NB)
                except BlockingIOError:
                    actor.waits_for_lock = True
                else:
                    return

        return flock


def _befall(fault: str, actor: Actor, name: str, args: tuple[Any, ...]) -> None:
    if fault in {"half", "short"} and name == "write":
        handle, data = args
        REAL["write"](handle, data[: len(data) // 2])
    if fault in {"kill", "half"}:
        actor.ended = True
        raise Killed
    if (fault == "short" and name == "write") or (fault == "full" and name in GROWING):
        raise OSError(errno.ENOSPC, "No space left on device")
    if fault == "before":
        raise Interrupted


def schedules(
    play: Callable[[Sequence[Switch | Fault]], list[Step]], switches: int, kinds: Sequence[str] = (), faults: int = 0
) -> Counter[str]:
    """Play every schedule of at most so many switches and faults.

    Args:
        play: Plays one and gives what happened.
        switches: At most.
        kinds: Of faults.
        faults: At most.

    Returns:
        How many were played, and how many steps they had.
    """
    played: Counter[str] = Counter()

    def onward(plan: list[Switch | Fault], switches: int, faults: int) -> None:
        trace = play(plan)
        played.update(schedules=1, steps=len(trace))
        first = plan[-1].step + 1 if plan else 0
        for number, step in list(enumerate(trace))[first:]:
            for other in step.others if switches and step.call not in QUIET else ():
                onward([*plan, Switch(number, other)], switches - 1, faults)
            for kind in kinds if faults else ():
                if _touches(kind, step.call):
                    onward([*plan, Fault(number, kind)], switches, faults - 1)

    onward([], switches, faults)
    return played


def _touches(kind: str, call: str) -> bool:
    if kind in {"half", "short"}:
        return call == "write"
    return call in GROWING if kind == "full" else True
