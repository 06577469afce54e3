"""Reading the alert rules and running promtool over them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
RULES = ROOT / "ops" / "prometheus" / "rules.yml"
RUNBOOK = ROOT / "docs" / "runbook"
_METRIC = re.compile(r"\bleadrelay_\w+")
_SUFFIXES = re.compile(r"_(bucket|sum|count)$")


def alerts() -> dict[str, str]:
    """Give the text of each rule by its alert's name."""
    parts = re.split(r"^ +- alert: (\w+)\n", RULES.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def metrics_of(expressions: Iterable[str]) -> set[str]:
    """Name the metrics in some expressions, histograms by their own name."""
    return {_SUFFIXES.sub("", name) for text in expressions for name in _METRIC.findall(text)}


def promtool(*args: str) -> subprocess.CompletedProcess[str]:
    """Run promtool; skips the test where there is none."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not on PATH (Debian: in the package `prometheus`)")
    return subprocess.run([found, *args], capture_output=True, text=True, check=False, timeout=120)
