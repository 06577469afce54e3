"""`make chaos`: every scenario, one line each; exit code 1 when an accepted event was lost or the books do not balance.

make chaos ARGS='--only "broker restarts" --seed 7'
make chaos ARGS=--long
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.chaos.processes import Unavailable
from tests.chaos.scenarios import Scenario, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Run the scenarios one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="run scenarios whose name contains this")
    parser.add_argument("--seed", type=int, default=1, help="of what is left to chance")
    parser.add_argument("--long", action="store_true", help="only the long run: 300 kills, 30 restarts, 200,000 events")
    parser.add_argument("--log", type=Path, help="a combined log that is imported under kills too")
    parser.add_argument("--json", action="store_true", help="give one JSON document at the end")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="  %(asctime)s %(message)s", datefmt="%H:%M:%S")
    chosen = [scenario for scenario in scenarios(long=options.long, log=options.log) if options.only in scenario.name]
    results = []
    for scenario in chosen:
        results.append(run(scenario, options.seed))
        if not options.json:
            print(line(results[-1]), flush=True)
    failed = [result["name"] for result in results if result["failures"] and result["promised"]]
    if options.json:
        print(json.dumps({"seed": options.seed, "failed": failed, "scenarios": results}, indent=2))
    elif options.long:
        print(*table(results), sep="\n")
    elif not chosen:
        print(f"no scenario is called so; there are: {', '.join(s.name for s in scenarios(long=False))}")
    sys.exit(1 if failed or not chosen else 0)


def run(scenario: Scenario, seed: int) -> dict[str, Any]:
    """Run one scenario; its folder stays when it failed."""
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    result: dict[str, Any] = {"name": scenario.name, "promised": scenario.promised, "failures": [], "row": ""}
    logging.getLogger("chaos").info("%s", scenario.name)
    try:
        verdict = scenario.act(folder, **scenario.options, **({"seed": seed} if scenario.seeded else {}))
        result |= {"row": verdict.row(), **verdict.document()}
    except Unavailable as error:
        result["row"] = f"skipped: {error}"
    except AssertionError as error:
        result["failures"] = [str(error)]
    if result["failures"]:
        result["folder"] = str(folder)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return {**result, "seconds": round(time.monotonic() - began)}


def table(results: list[dict[str, Any]]) -> Iterator[str]:
    """Give the long run as a table in Markdown."""
    names = ("kills", "restarts", "accepted", "lost", "came twice", "at most", "out of order", "minutes")
    yield f"| | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}"
    for result in results:
        figures = {**result, **result.get("done", {}), "minutes": round(result["seconds"] / 60, 1)}
        figures |= {
            "came twice": figures.get("duplicates"),
            "out of order": figures.get("out_of_order"),
            "at most": figures.get("most_duplicates") or "-",
        }
        cells = (figures.get(name, "-") for name in names)
        yield f"| {result['name']} | {' | '.join(f'{one:,}' if isinstance(one, int) else str(one) for one in cells)} |"


def line(result: dict[str, Any]) -> str:
    """Give a result for people."""
    wrong = f"\n    WRONG: {'; '.join(result['failures'])} (logs in {result['folder']})" if result["failures"] else ""
    return f"{result['name']}: {result['row']} ({result['seconds']} s){wrong}"


if __name__ == "__main__":
    main()
