"""`make drill`: print each step with its figure; exit code 1 when one failed, 2 when the machine lacks a part."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.chaos.drill import __doc__ as about
from tests.chaos.drill.perform import missing, perform
from tests.chaos.drill.plan import SHORT, Plan


def main() -> None:
    """Perform a drill by arguments."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="one load of a few seconds; estimates must only exist")
    parser.add_argument("--pictures", type=Path, help="folder in which to keep the pictures")
    parser.add_argument("--json", action="store_true", dest="as_json", help="give one JSON document at the end")
    options = parser.parse_args()
    if lacking := missing():
        parser.exit(2, f"{lacking}\n")
    steps = []
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        for step in perform(Path(folder), SHORT if options.short else Plan(), options.pictures):
            steps.append(step)
            if not options.as_json:
                print(step.line(), flush=True)
    failed = [step.name for step in steps if not step.passed]
    if options.as_json:
        print(json.dumps({"failed": failed, "steps": [asdict(step) for step in steps]}, indent=2))
    else:
        print(f"{len(steps) - len(failed)} of {len(steps)} steps passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
