"""Fixtures for applications that are tested with pytest; pytest finds them by itself once leadrelay is installed.

`leadrelay_tracked` records what a test tracks; `leadrelay_sandbox` delivers it to a stand-in LeadBoxer at once, and
tells what that made of it (needs `leadrelay[sandbox]`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadrelay.testing import Tracked

#: Seconds for one request to the sandbox.
_REQUEST_S = 10


class Sandbox:
    """A running sandbox, as a test sees it.

    Args:
        url: Where it listens.
    """

    def __init__(self, url: str) -> None:
        """See the class."""
        self.url = url

    def events(self) -> list[dict[str, Any]]:
        """Give what arrived, oldest first, as `GET /_sandbox/events` does."""
        return list(self._ask("GET", "events"))

    def user(self, uid: str, si: str | None = None) -> dict[str, Any]:
        """Give a user's profile and sessions, as `GET /_sandbox/users/UID` does.

        Args:
            uid: The user's id.
            si: Dataset; default that of the tests.
        """
        from leadrelay.tracking import client  # noqa: PLC0415 - pytest loads this module always, leadrelay when it is used

        return dict(self._ask("GET", f"users/{uid}?si={si or client().settings.dataset_id}"))

    def fail(self, **rule: Any) -> None:
        """Answer as a rule says from now on (`status=503`, `delay_s=2`, `drop="after"` …); without one, well again."""
        self._ask("PUT", "faults", {"rules": [rule] if rule else []})

    def clear(self) -> None:
        """Forget all that arrived, and all faults."""
        self._ask("DELETE", "events")
        self.fail()

    def _ask(self, method: str, what: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/_sandbox/{what}", body, headers, method=method)  # noqa: S310 - our own process
        with urlopen(request, timeout=_REQUEST_S) as response:  # noqa: S310 - as above
            return json.loads(response.read() or b"null")


@pytest.fixture
def leadrelay_tracked() -> Iterator[Tracked]:
    """Record what the test tracks; nothing is sent."""
    from leadrelay.testing import fake  # noqa: PLC0415 - as above

    with fake() as tracked:
        yield tracked


@pytest.fixture(scope="session")
def _leadrelay_sandbox_url() -> Iterator[str]:
    """Start a sandbox for the session."""
    command = [sys.executable, "-m", "leadrelay", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            pytest.fail("the sandbox did not start: pip install 'leadrelay[sandbox]'")
        yield url
        process.terminate()


@pytest.fixture
def leadrelay_sandbox(_leadrelay_sandbox_url: str) -> Iterator[Sandbox]:
    """Send what the test tracks to a sandbox at once, empty and without faults at the start."""
    from leadrelay.testing import inline  # noqa: PLC0415 - as above

    sandbox = Sandbox(_leadrelay_sandbox_url)
    sandbox.clear()
    with inline(sandbox.url):
        yield sandbox
