"""One browser and one sandbox for the session; each test starts with an empty sandbox and ends without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.browser.page import Page, browser, missing
from tests.chaos.processes import sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from selenium import webdriver


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Start the browser; tests are skipped where the machine has none."""
    lacking = missing()
    if lacking:
        pytest.skip(lacking)
    started = browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.quit()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a sandbox."""
    process, url = sandbox(tmp_path_factory.mktemp("sandbox"))
    yield url
    process.kill()


@pytest.fixture
def page(driver: webdriver.Chrome, served: str) -> Iterator[Page]:
    """Give the page of an empty sandbox without faults, not loaded yet; afterwards the console holds no error."""
    requests.delete(f"{served}/_sandbox/events", timeout=5)
    _put(served, "faults", {"rules": []})
    switches = requests.get(f"{served}/_sandbox/switches", timeout=5).json()["switches"]
    _put(served, "switches", {"switches": {switch["name"]: switch["default"] for switch in switches}})
    opened = Page(driver, served)
    opened.errors()
    yield opened
    errors = opened.errors()
    driver.get("about:blank")
    assert errors == []


def _put(url: str, what: str, document: Any) -> None:
    requests.put(f"{url}/_sandbox/{what}", json=document, timeout=5).raise_for_status()
