"""A monitor for tests: a process of its own, and a person who looks at it and presses buttons."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import requests

from tests.chaos.processes import Process, free_port, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Monitor:
    """One running monitor.

    Args:
        folder: For its log.
        env: Its settings.
        options: Flower's.
        prefix: `--url_prefix`.
        login: Name and password of the person who looks, None for none.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        *options: str,
        prefix: str = "",
        login: tuple[str, str] | None = None,
    ) -> None:
        """Start it, and wait until it answers."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}" + (f"/{prefix}" if prefix else "")
        given = [*options, *([f"--url_prefix={prefix}"] if prefix else [])]
        given += [f"--basic_auth={':'.join(login)}"] if login else []
        command = [sys.executable, "-m", "leadrelay", "monitor", "--port", str(self.port), *given]
        self.process = Process(f"monitor-{self.port}", command, folder, env)
        self.session = requests.Session()
        self.session.auth = login
        until(self._answers, "the monitor answers")

    def _answers(self) -> bool:
        assert self.process.alive, self.process.log.read_text()
        try:
            return self.session.get(f"{self.url}/delivery", timeout=30, allow_redirects=False).status_code < 500
        except requests.ConnectionError:
            return False

    def get(self, path: str, **options: Any) -> requests.Response:
        """Look."""
        return self.session.get(f"{self.url}/{path}", timeout=60, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Press a button, as a page does: with its token."""
        headers = {"X-XSRFToken": self.session.cookies.get("_xsrf", ""), **options.pop("headers", {})}
        return self.session.post(f"{self.url}/{path}", json=body or {}, headers=headers, timeout=60, **options)

    def job(self, path: str, body: Any = None) -> Any:
        """Begin a job and wait for its end; gives it."""
        begun = self.post(path, body)
        assert begun.status_code == 200, begun.text
        return until(lambda: (job := self.get(f"jobs/{begun.json()['id']}").json())["state"] != "running" and job, path)

    def stop(self) -> None:
        """End it."""
        self.process.stop()
