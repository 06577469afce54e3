"""Faults and switches set by click, counters, and the page's own life: restart, keyboard, names for all controls."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.page import Page
from tests.browser.test_events import VIEWS
from tests.chaos.processes import free_port, sandbox, until

ASKED = "return performance.getEntriesByType('resource').length"
#: A headless tab is never hidden: it is told so.
HIDE = """
Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true });
document.dispatchEvent(new Event('visibilitychange'))"""
#: Roles of what a screen reader announces by its name.
NAMED = {"button", "link", "textbox", "searchbox", "combobox", "radio", "spinbutton", "table", "region", "navigation"}


def test_a_fault_set_by_click_is_in_force_and_seen_on_every_view(page):
    page.open("#/faults")
    page.click("503 for 30 s")
    page.shows("answered 503", "#in-force")
    assert page.control("faults")["rules"][0]["status"] == 503
    assert page.send(ti="x").status_code == 503
    page.click("Counters", "nav", "a")
    page.shows("answered 503", "#in-force")
    page.click("Off", "#in-force")
    until(lambda: not page.text("#in-force"), "no fault is shown", 5)
    assert page.control("faults")["rules"] == []
    assert page.send(ti="x").status_code == 200


def test_a_rule_of_ones_own(page):
    page.open("#/faults")
    page.type("[name=status]", "429")
    page.type("[name=retry_after]", "7")
    page.type("[name=ti]", "invoice_paid")
    page.click("Put in force")
    page.shows("titled invoice_paid, answered 429, Retry-After 7 s; until switched off", ".rules")
    assert page.send(ti="invoice_paid").headers["Retry-After"] == "7"
    assert page.send(ti="other").status_code == 200


def test_a_switch_set_in_the_table_is_in_force(page):
    page.open("#/switches")
    page.shows("Not documented by LeadBoxer: our choice")
    name, value = "missing_si", "discard"
    page.shows(name, ".switches")
    page.script(
        "const select = document.querySelector(`select[aria-label=${arguments[0]}]`);"
        "select.value = arguments[1]; select.dispatchEvent(new Event('change'))", name, value)  # fmt: skip
    page.shows(f"{name} is now {value}", "#said")
    switches = {switch["name"]: switch["value"] for switch in page.control("switches")["switches"]}
    assert switches[name] == value


def test_counters_show_total_and_unique_by_title(page):
    for user in ("u1", "u1", "u2"):
        page.send(ti="invoice_paid", uid=user)
    page.open("#/counters")
    page.shows("invoice_paid", ".counters")
    assert page.rows(".counters") == [["invoice_paid", "d", "3", "2"]]


def test_the_page_recovers_when_the_sandbox_was_restarted(driver, tmp_path):
    port = free_port()
    (tmp_path / "second").mkdir()
    process, url = sandbox(tmp_path, port)
    page = Page(driver, url)
    try:
        page.send(ti="before")
        page.open()
        page.shows("before", ".rows")
        process.kill()
        page.shows("sandbox away", "#state")
        assert "before" in page.text(".rows")
        process, _ = sandbox(tmp_path / "second", port)
        page.send(ti="after")
        page.shows("live", "#state")
        page.shows("after", ".rows")
        assert "before" not in page.text(".rows")
    finally:
        driver.get("about:blank")
        process.kill()
    assert [error for error in page.errors() if "net::ERR_" not in error] == []


def test_an_address_opened_while_the_sandbox_is_away_is_shown_when_it_is_back(driver, tmp_path):
    port = free_port()
    process, url = sandbox(tmp_path, port)
    page = Page(driver, url)
    try:
        page.send(ti="kept", eid="e1")
        page.open()
        page.shows("kept", ".rows")
        process.kill()
        page.shows("sandbox away", "#state")
        page.click("kept", ".rows", "a")
        process, _ = sandbox(tmp_path, port)
        page.click("Try now")
        page.shows("kept", ".detail h2")
    finally:
        driver.get("about:blank")
        process.kill()
    assert [error for error in page.errors() if "net::ERR_" not in error] == []


def test_the_page_asks_nothing_while_nobody_looks(page):
    page.open()
    page.script(HIDE, True)
    page.driver.execute_async_script("setTimeout(arguments[0], 300)")  # what was under way has come
    page.send(ti="meanwhile")
    asked = page.script(ASKED)
    page.driver.execute_async_script("setTimeout(arguments[0], 2500)")
    assert page.script(ASKED) == asked
    page.script(HIDE, False)
    page.shows("meanwhile", ".rows")


def test_everything_is_reached_and_operated_by_keyboard(page):
    for number in range(3):
        page.send(ti=f"event {number}")
    page.open()
    page.shows("event 0", ".rows")
    reached = []
    while "event 2" not in (reached[-1] if reached else ""):
        page.press(Keys.TAB)
        reached.append(page.focused)
        assert len(reached) < 20, reached
    assert {"Events", "Users", "Counters", "Faults", "Switches", "find", "show", "Pause", "Clear…"} <= set(reached)
    page.press(Keys.ARROW_DOWN)
    assert "event 1" in page.focused
    page.press(Keys.ENTER)
    until(lambda: page.focused == "event 1", "the opened event has the focus", 5)
    page.press(Keys.ESCAPE)
    until(lambda: "event 1" in page.focused and not page.text(".detail"), "the focus is back on its row", 5)


def test_a_fault_is_set_by_keyboard(page):
    page.open("#/faults")
    page.script("document.querySelector('nav a[href=\"#/switches\"]').focus()")
    page.press(Keys.TAB)
    assert page.focused == "503 for 30 s"
    page.press(Keys.ENTER)
    page.shows("answered 503", ".rules")


@pytest.mark.parametrize("address", [*VIEWS, "#/events/e1", "#/users/u1?si=d"])
def test_every_control_has_a_name(page, address):
    page.send(ti="x", eid="e1", uid="u1")
    page.open(address)
    page.shows("")
    nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    shown = [node for node in nodes if not node["ignored"] and node["role"]["value"] in NAMED]
    assert len(shown) > 8
    assert [node["role"]["value"] for node in shown if not node.get("name", {}).get("value")] == []
