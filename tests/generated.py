"""What is written from the code: `python -m tests.generated` writes it, a test fails when it is out of date.

docs/cli.md, and the table in docs/metrics.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from leadrelay.cli import group
from leadrelay.metrics.declared import GATEWAY, QUEUE, WORKER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from leadrelay.metrics.declared import Metric

DOCS = Path(__file__).parents[1] / "docs"
#: Characters of a line of help.
_WIDTH = 100
_HEAD = """\
# Commands

Written from the commands themselves by `python -m tests.generated`; `leadrelay COMMAND --help` says the same.

Exit codes: 0 fine, 1 the answer is no (unbalanced, findings, rejected lines) or it failed,
2 usage or a wrong setting, 3 broker unreachable.

In `--json`, `…_ms` is a moment in ms since 1970 by the broker's clock, or a length in ms; `…_s` is a length in s; other
moments are text, UTC. Older names that are moments in ms all the same: `since`, `until`, `next_probe` under `sending`,
and `at`, `accepted`, `died` and `next_attempt` of `trace`.
"""
_BEGIN, _END = "<!-- written by `python -m tests.generated` -->\n", "<!-- end -->\n"


def cli_reference(_: str) -> str:
    """Give docs/cli.md: the help of every command."""
    parts = [_HEAD]
    root = click.Context(group, info_name="leadrelay", terminal_width=_WIDTH, help_option_names=["-h", "--help"])
    for name, command, context in _commands(group, root):
        parts.append(f"## {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def _commands(
    parent: click.Group, context: click.Context, above: str = ""
) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in parent.list_commands(context):
        command = parent.get_command(context, name)
        assert command is not None
        own = click.Context(command, info_name=name, parent=context, terminal_width=_WIDTH)
        yield f"{above}{name}", command, own
        if isinstance(command, click.Group):
            yield from _commands(command, own, f"{above}{name} ")


def metrics_page(page: str) -> str:
    """Give docs/metrics.md with the tables of metrics as they are declared."""
    start, rest = page.split(_BEGIN)
    end = rest.partition(_END)[2]
    tables = f"### Of the queue\n\n{_table(QUEUE)}\n### Of one worker\n\n{_table(WORKER)}"
    tables += f"\n### Of one gateway\n\n{_table(GATEWAY)}"
    return f"{start}{_BEGIN}\n{tables}\n{_END}{end}"


def _table(metrics: Iterable[Metric]) -> str:
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels)} | {metric.meaning.replace('|', '/')} |"
        for metric in metrics
    ]
    return "\n".join(["| metric | type | labels | what it says |", "|---|---|---|---|", *rows]) + "\n"


#: Each page and what makes it from how it stands now.
PAGES: dict[Path, Callable[[str], str]] = {DOCS / "cli.md": cli_reference, DOCS / "metrics.md": metrics_page}


def main() -> None:
    """Write them."""
    for page, make in PAGES.items():
        page.write_text(make(page.read_text("utf-8") if page.exists() else ""), "utf-8")


if __name__ == "__main__":
    main()
