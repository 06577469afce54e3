"""The person at the monitor: what the pages say, what is pressed, and pictures of it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.browser.page import Page
from tests.chaos.processes import until

if TYPE_CHECKING:
    from pathlib import Path

#: Of the window, as wide as a picture in the docs.
SIZE = (1100, 760)
#: Replayed a second, so that one sees the replay go on.
REPLAY_RATE = 4
_FIRST = "return document.querySelector('#letters a')?.href"
_FIGURES = """
return Object.fromEntries([...document.querySelectorAll('#figures article')].map((one) => [
    one.querySelector('.metric-label').innerText, one.innerText.split('\\n').slice(1).filter(Boolean).join(', ')]))"""


@dataclass(frozen=True)
class Told:
    """What the delivery page says.

    Args:
        says: Its first line.
        since: Since when.
        room: How long until new events are refused.
    """

    says: str
    since: datetime | None
    room: str


class Operator:
    """Looks at the pages of a monitor.

    Args:
        driver: Of a browser.
        url: Of the monitor.
        pictures: Folder for pictures.
    """

    def __init__(self, driver: Any, url: str, pictures: Path) -> None:
        self.page = Page(driver, url, far=True)
        self.pictures = pictures

    def delivery(self, says: str) -> Told:
        """Look at the delivery page until it says this."""
        self._open("delivery")
        self.page.shows(says, "#verdict")
        figures = until(lambda: self.page.script(_FIGURES), "the figures are there")
        since = re.search(r"Since (\S+ \S+)Z", self.page.text("#verdict .lr-since"))
        return Told(
            says=self.page.text("#verdict h2"),
            since=datetime.fromisoformat(f"{since[1]}+00:00") if since else None,
            room=next((text for name, text in figures.items() if name.lower() == "room"), ""),
        )

    def picture(self, name: str) -> int:
        """Keep what the page looks like; gives the size in bytes."""
        self.page.driver.execute_async_script("setTimeout(arguments[0], 1000)")  # what moves has come to rest
        file = self.pictures / f"drill-{name}.png"
        file.write_bytes(self.page.driver.get_screenshot_as_png())
        return file.stat().st_size

    def filter(self, reason: str) -> str:
        """Let the dead letters of one reason be listed; gives what the page says of their number."""
        self._open("dead-letters")
        until(lambda: f"{reason} " in self.page.text("#counts"), f"letters of {reason} are counted")
        self.page.click(f"{reason} ", "#counts")
        self.page.shows("match", "#matching")
        return self.page.text("#matching")

    def mend(self, **values: str) -> str:
        """Open the first letter of the list, give it other values, and save; gives its event id."""
        link = until(
            lambda: self.page.script("return document.querySelector('#letters a')?.href"), "a letter is listed"
        )
        self.page.load(link.removeprefix(f"{self.page.url}/"), SIZE)
        self.page.shows("What it holds", "#content")
        event = json.loads(self.page.script("return document.getElementById('event').value"))
        self.page.type("#event", json.dumps({**event, **values}))
        self.page.click("Save as a new revision")
        self.page.shows("edited 1 time", "#letter")
        return str(self.page.script("return document.querySelector('#letter dd a').innerText"))

    def replay(self, number: int) -> str:
        """Replay all that match, slowly, and wait for its end; gives what was asked first."""
        self.page.type("#replay-rate", str(REPLAY_RATE))
        self.page.click("Replay…")
        self.page.shows(f"{number} dead letters", "dialog")
        asked = self.page.text("dialog h2")
        self.page.click("Replay", "dialog")
        self.page.shows("to go, about", "#running")
        self.picture("dead-letters")
        until(lambda: f"{number} replayed; done" in self.page.text("#running"), "the replay is done", 120)
        return asked

    def ledger(self) -> str:
        """Recount; gives what the page says of the books."""
        self._open("ledger")
        self.page.click("Recount now")
        self.page.shows("messages read", "#counted")
        self.page.script("scrollTo(0, 0)")
        return self.page.text("#balance")

    def _open(self, path: str) -> None:
        self.page.load(path, SIZE)
        until(lambda: "live" in self.page.text("#fresh"), f"{path} is live", 60)
