"""The sandbox's page in a real browser, as a test looks at it and handles it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import requests
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains

from tests.chaos.processes import until

if TYPE_CHECKING:
    from pathlib import Path

#: A sandbox under test needs neither a display nor anything from outside; root needs --no-sandbox.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = (1280, 800), (390, 844)

_TEXT = "const one = document.querySelector(arguments[0]); return one?.checkVisibility() ? one.innerText : ''"
_ROWS = """
return [...document.querySelectorAll(arguments[0] + ' tbody tr')]
    .map((row) => [...row.cells].map((cell) => cell.innerText.trim()))"""
_FOCUSED = "const at = document.activeElement; return at.innerText || at.ariaLabel || at.id || at.name"
_OVERFLOWING = """
return [...document.querySelectorAll('html, body, body > *, main > *, section')]
    .filter((one) => one.scrollWidth > one.clientWidth && one.clientWidth > 1)
    .map((one) => one.className || one.tagName)"""


def missing() -> str | None:
    """Tell which part of the browser this machine lacks, None when all is there."""
    lacking = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return f"not on PATH: {', '.join(lacking)} (Debian: chromium, chromium-driver)" if lacking else None


def browser(profile: Path) -> webdriver.Chrome:
    """Start the machine's own chromium with an empty profile; both paths are given, so nothing is downloaded."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


class Page:
    """One tab on one sandbox, or on another server.

    Args:
        driver: Of the browser.
        url: Of the server.
        far: Its pages scroll, smoothly and under a bar: bring what is clicked into the middle first.
    """

    def __init__(self, driver: webdriver.Chrome, url: str, *, far: bool = False) -> None:
        self.driver = driver
        self.url = url
        self.far = far

    def open(self, address: str = "", size: tuple[int, int] = WIDE) -> None:
        """Load the page at an address such as `#/users`, and wait until it is live."""
        self.load(f"_sandbox/{address}", size)
        self.shows("live", "#state")

    def load(self, path: str, size: tuple[int, int] = WIDE) -> None:
        """Load a page of the server anew."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/{path}")

    def send(self, **params: Any) -> requests.Response:
        """Send an event to the sandbox as an application does."""
        return requests.post(self.url, data={"si": "d", **params}, timeout=5)

    def control(self, what: str) -> Any:
        """Ask the control API."""
        return requests.get(f"{self.url}/_sandbox/{what}", timeout=5).json()

    def script(self, code: str, *arguments: Any) -> Any:
        """Run JavaScript in the page."""
        return self.driver.execute_script(code, *arguments)

    def text(self, css: str = "body") -> str:
        """Give the text that is seen of the first match."""
        return str(self.script(_TEXT, css))

    def rows(self, css: str) -> list[list[str]]:
        """Give the cells' texts of the rows in the body of a table, or of the tables within the first match."""
        return [[str(cell) for cell in row] for row in self.script(_ROWS, css)]

    def count(self, css: str) -> int:
        """Count the matches."""
        return int(self.script("return document.querySelectorAll(arguments[0]).length", css))

    def shows(self, text: str, css: str = "main") -> None:
        """Wait until `text` is seen within the first match."""
        until(lambda: text in self.text(css), f"{css} shows {text!r}", 15)

    def click(self, name: str, within: str = "body", tag: str = "button") -> None:
        """Click what a person reads as `name`."""
        path = f".//{tag}[contains(normalize-space(), {name!r})]"
        found = self.driver.find_element("css selector", within).find_element("xpath", path)
        if self.far:
            self.script("arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })", found)
        found.click()

    def type(self, css: str, text: str) -> None:
        """Type into a field, in place of what it holds."""
        field = self.driver.find_element("css selector", css)
        field.clear()
        field.send_keys(text)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    @property
    def focused(self) -> str:
        """What the focused element reads."""
        return str(self.script(_FOCUSED))

    def overflowing(self) -> list[str]:
        """Give the parts of the page that are wider than their place."""
        return [str(name) for name in self.script(_OVERFLOWING)]

    def errors(self) -> list[str]:
        """Give and forget what the browser's console holds of errors."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
