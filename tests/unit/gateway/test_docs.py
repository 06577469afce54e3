"""docs/gateway.md against the code that it tells of."""

import re
from pathlib import Path

import pytest
from leadrelay.gateway import limits, upload
from leadrelay.gateway.app import Gateway
from leadrelay.gateway.command import gateway
from leadrelay.gateway.counts import Counts
from leadrelay.gateway.rules import Rules
from leadrelay.serving.protocol import MOST_HEAD, MOST_HEADERS, MOST_WAITING, MOST_WAITING_IN_ALL

ROOT = Path(__file__).parents[3]
DOC = (ROOT / "docs" / "gateway.md").read_text()


def test_every_path_is_told():
    rules = Rules(frozenset(), "", "auto", ())
    paths = Gateway(rules, None, Counts(), None, None)._paths
    assert set(re.findall(r"^\| `(/[^`]*)` \|", DOC, re.MULTILINE)) == set(paths)
    assert upload.PATH in paths


@pytest.mark.parametrize(
    "told",
    [
        f"{limits.MOST_LINE // 1024} KB, {MOST_HEAD // 1024} KB and {MOST_HEADERS} of them",
        f"{MOST_WAITING:,}, and {MOST_WAITING_IN_ALL:,} on all",
        f"{limits.MOST_FORM // 1024} KB, {limits.MOST_FIELDS:,}",
        f"{limits.MOST_UPLOAD // 2**20} MB, {limits.MOST_UNPACKED // 2**20} MB, {limits.MOST_LINES:,}, 4",
        f"{limits.MOST_CONNECTIONS:,}, or as many",
        f"within {limits.SLOW_S:.0f} s each",
        f"after {limits.IDLE_S} s",
        f"{limits.MOST_IN_MEMORY // 2**20} MB, {limits.MOST_WAITING:,} of {limits.MOST_WAITING_BYTES // 2**20} MB",
        f"(within {limits.STOP_S} s)",
    ],
)
def test_every_limit_is_told(told):
    assert told in DOC


def test_uploads_at_a_time():
    assert limits.MOST_UPLOADS == 4  # as the table above says


def test_every_option_is_told():
    assert all(option.opts[-1] in DOC for option in gateway.params if option.name != "port")
