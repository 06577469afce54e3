"""From a plan to its steps: with a browser, and everything ended afterwards."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from tests.browser import page
from tests.chaos.drill.drill import Drill
from tests.chaos.drill.operator import Operator
from tests.chaos.drill.plan import Step
from tests.chaos.processes import Broker
from tests.chaos.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.drill.plan import Plan

#: So that the broker fills in hours, not in months.
MEMORY = "256mb"


def missing() -> str | None:
    """Tell what this machine lacks for a drill, None when all is there."""
    promtool = None if shutil.which("promtool") else "not on PATH: promtool (Debian: in the package prometheus)"
    return page.missing() or promtool


def perform(folder: Path, plan: Plan, pictures: Path | None = None) -> Iterator[Step]:
    """Give each step as it is done; one that cannot be done is a failed one, and the last.

    Args:
        folder: For data and logs.
        plan: What to do.
        pictures: Folder for pictures; in `folder` when none is given.
    """
    with Run(folder, broker=Broker(folder, "--maxmemory", MEMORY)) as run:
        try:
            yield from _steps(run, plan, pictures or folder)
        except AssertionError as error:
            yield Step("the drill goes on", str(error), passed=False)


def _steps(run: Run, plan: Plan, pictures: Path) -> Iterator[Step]:
    driver = page.browser(run.folder / "profile")
    try:
        drill = Drill(run, plan, pictures)
        yield from drill.steps(Operator(driver, drill.monitor.url, pictures))
    finally:
        driver.quit()
