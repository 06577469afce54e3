"""`leadrelay top`: the queue, looked at again and again."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click
from redis import exceptions

from leadrelay.cli import sending
from leadrelay.cli.common import NAMES, json_option, moment, open_queue, say, show, span
from leadrelay.cli.status import look
from leadrelay.errors import NotAccepted
from leadrelay.verdict import away

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from leadrelay.cli.status import Seen
    from leadrelay.queue import Books, Queue

#: Looks over which speeds are taken: of ten seconds at the usual interval.
_LOOKS = 10
#: Characters of a terminal from which two columns stand beside each other.
_WIDE = 100
#: What has a speed, and how it is called.
_SPEEDS = {
    "accepted": "accepted",
    "delivered": "delivered",
    "retried": "retried",
    "dropped": "dropped",
    "rescued": "rescued",
}


@click.command()
@click.option(
    "--interval", type=click.FloatRange(0.2, 3600), default=1.0, show_default=True, help="Seconds between looks."
)
@click.option("--once", is_flag=True, help="Look once (for one interval), and end.")
@json_option
def top(interval: float, *, once: bool, as_json: bool) -> None:
    """Watch the queue: what waits, how fast it moves, what fails. `q` ends it. With --json a line for each look."""
    watch = Watch(open_queue())
    with suppress(KeyboardInterrupt):
        if as_json or once or not sys.stdout.isatty():
            _plain(watch, interval, once=once or not as_json, as_json=as_json)
        else:
            with _keys() as ended:
                _live(watch, lambda: ended(interval))


class Look:
    """The queue at one moment, with the speeds since an earlier one.

    Args:
        before: The books at the earlier one.
        seen: What is seen now.
    """

    def __init__(self, before: Books, seen: Seen) -> None:
        """See the class."""
        self.before, self.seen, self.books, self.memory = before, seen, seen.books, seen.memory

    def speeds(self) -> dict[str, float]:
        """Give events a second, by what happened to them."""
        seconds = max(1, self.books.now_ms - self.before.now_ms) / 1000
        found = {name: (getattr(self.books, name) - getattr(self.before, name)) / seconds for name in _SPEEDS}
        return {name: round(speed, 1) for name, speed in found.items()}

    def document(self) -> dict[str, Any]:
        """Give it for ``--json``: as `status --json`, with the time and the speeds."""
        now_ms = self.books.now_ms
        return {"at": moment(now_ms), "at_ms": now_ms, "per_s": self.speeds(), **self.seen.document()}

    def verdict(self) -> list[str]:
        """Say for people whether events flow, and what to do."""
        return self.seen.verdict.lines(self.books.now_ms)

    def moving(self) -> list[str]:
        """Say for people how events move."""
        speeds = self.speeds()
        lines = [*sending.lines(self.books.sending, self.books.now_ms)]
        lines += [_line(name, f"{speeds[field]:,.1f}/s") for field, name in _SPEEDS.items() if speeds[field]]
        lines.append(self.seen.success_line())
        books = self.books
        lines.append(_line("in flight", f"{books.in_flight:,} with {books.workers} worker{'s' * (books.workers != 1)}"))
        return lines

    def standing(self) -> list[str]:
        """Say for people what waits, and for how long there is room."""
        books = self.books
        waiting = {"ready": books.ready, "scheduled": books.scheduled, "held": books.held, "inbox": books.inbox}
        left_s = self.seen.headroom_s
        full = f"full in {span(left_s)}" if left_s is not None else "no end in sight"
        return [
            *(_line(name, f"{number:,}") for name, number in waiting.items() if number or name != "inbox"),
            _line("lag", span(books.lag_s)),
            _line("dead", f"{books.dead:,}"),
            _line("memory", f"{self.memory['used_memory'] / 1e6:,.0f} MB, {full}"),
            _line("books", "balanced" if books.balanced else "NOT balanced: leadrelay verify"),
        ]


def _line(name: str, text: str) -> str:
    return f"{name.ljust(NAMES)}{text}"


class Watch:
    """Looks at a queue, each look over the last `_LOOKS` of them."""

    def __init__(self, queue: Queue) -> None:
        """Take the first look; errors as `scripts.run`."""
        self._queue = queue
        self._earlier = [look(queue).books]

    def look(self) -> Look:
        """Look again; errors as `scripts.run`."""
        before = self._earlier[0]
        seen = look(self._queue, earlier=before)
        self._earlier = [*self._earlier, seen.books][-_LOOKS:]
        return Look(before, seen)


def _plain(watch: Watch, interval: float, *, once: bool, as_json: bool) -> None:
    while True:
        time.sleep(interval)
        look = watch.look()
        if as_json:
            show(look.document())
            sys.stdout.flush()
        else:
            for line in [*look.verdict(), *look.moving(), *look.standing()]:
                say(line)
        if once:
            return


def _live(watch: Watch, ended: Callable[[], bool]) -> None:
    try:
        from rich.live import Live  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        message = "the live picture needs rich: pip install 'leadrelay[worker]'; --once and --json do without"
        raise click.ClickException(message) from None
    with Live(auto_refresh=False, screen=True) as live:
        while True:
            try:
                live.update(picture(watch.look(), live.console.width), refresh=True)
            except (NotAccepted, exceptions.RedisError) as error:
                live.update(f"{away(str(error), '').headline}\nlooking again …", refresh=True)
            if ended():
                return


def picture(look: Look, width: int) -> RenderableType:
    """Draw a look: two columns on a wide terminal, one on a narrow one."""
    from rich.console import Group  # noqa: PLC0415 - an extra
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    def block(lines: list[str]) -> Table:
        table = Table.grid(padding=(0, 1))
        table.add_column(style="cyan", width=NAMES - 1, no_wrap=True)
        table.add_column(overflow="fold")
        for line in lines:
            table.add_row(line[:NAMES].strip(), Text(line[NAMES:]))
        return table

    title = Text(f"leadrelay   {moment(look.books.now_ms)}   q ends", style="bold")
    verdict, moving, standing = block(look.verdict()), block(look.moving()), block(look.standing())
    if width < _WIDE:
        return Group(title, Text(), verdict, Text(), moving, Text(), standing)
    beside = Table.grid(expand=True, padding=(0, 4))
    beside.add_column(ratio=1)
    beside.add_column(ratio=1)
    beside.add_row(moving, standing)
    return Group(title, Text(), verdict, Text(), beside)


@contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """Read single keys from the terminal; gives a function that waits, and tells whether it is to end."""
    if not sys.stdin.isatty():
        yield _slept
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield _pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _slept(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _pressed(seconds: float) -> bool:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0]:
            typed = os.read(sys.stdin.fileno(), 64)
            if not typed or b"q" in typed.lower():
                return True
    return False
