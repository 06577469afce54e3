"""The monitor in a real browser: what an operator sees, presses and hears."""

import pytest
from leadrelay.queue import DeadLetters, Valve
from leadrelay.queue.audit import read_audit
from leadrelay.queue.samples import Samples
from selenium.webdriver.common.keys import Keys

from tests.browser.page import NARROW, WIDE, Page
from tests.chaos.processes import until
from tests.chaos.run import Run
from tests.letters import die, event, go_out
from tests.monitors import Monitor

ADDRESS = "ann@example.com"
OURS = ("delivery", "dead-letters", "dead-letters/{seq}", "event", "event/{eid}", "ledger")
ASKED = "return performance.getEntriesByType('resource').filter((one) => one.name.includes('/state')).length"
#: Roles of what a screen reader announces by its name.
NAMED = {
    "button",
    "link",
    "textbox",
    "combobox",
    "checkbox",
    "table",
    "region",
    "navigation",
    "form",
    "dialog",
    "image",
}


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    with Run(tmp_path_factory.mktemp("run")) as run:
        yield run


@pytest.fixture(scope="module")
def served(started, tmp_path_factory):
    monitor = Monitor(tmp_path_factory.mktemp("monitor"), started.env)
    yield monitor
    monitor.stop()


@pytest.fixture
def run(started):
    started.empty()
    return started


@pytest.fixture
def page(driver, served, run):
    """Give the monitor's page; afterwards the console holds no error but the refusals that a test asked for."""
    opened = Page(driver, served.url, far=True)
    opened.errors()
    yield opened
    errors = [error for error in opened.errors() if "status of 4" not in error]
    driver.get("about:blank")
    assert errors == []


def _live(page, path, size=WIDE):
    page.load(path, size)
    page.shows("live", "#fresh")


def test_an_operator_pauses_and_resumes_and_sees_it_without_loading_the_page_again(page, run):
    run.queue.enqueue([event(number) for number in range(3)])
    _live(page, "delivery")
    page.shows("Events do not flow: no worker is alive", "#verdict")
    page.shows("To do: start a worker, none is alive: leadrelay worker", "#verdict")
    page.type("#reason", "of a test")
    page.click("Pause sending")
    page.shows("Sending is paused by monitor: of a test", "#verdict")
    page.shows("Since ", "#verdict")
    run.queue.enqueue([event(number) for number in range(10, 30)])
    page.shows("23", "#figures")
    page.click("Resume sending", "#verdict")
    page.shows("no worker is alive", "#verdict")
    assert [(act.by, act.act, act.detail) for act in read_audit(run.queue)] == [
        ("monitor", "resume", ""), ("monitor", "pause", "of a test")
    ]  # fmt: skip


def test_a_pause_from_elsewhere_is_seen(page, run):
    _live(page, "delivery")
    Valve(run.queue).pause("ann", "by the command line", 3600)
    page.shows("by ann: by the command line", "#verdict")
    page.shows(", until ", "#verdict")


def test_a_rate_is_set_and_a_wrong_one_is_explained(page, run):
    _live(page, "delivery")
    page.type("#per-s", "fast")
    page.click("Set the rate")
    page.shows("a number of events a second above 0", "#said")
    page.type("#per-s", "5")
    page.click("Set the rate")
    page.shows("At most 5.0/s now, ceiling 5.0/s", "#rate-now")
    page.click("No limit")
    page.shows("No limit now", "#rate-now")


def test_lines_over_time_are_drawn_and_told(page, run):
    run.queue.enqueue([event(number) for number in range(12)])
    assert Samples(run.queue).record()
    _live(page, "delivery")
    until(lambda: page.count("#plots svg") == 4, "four figures are drawn")
    label = page.script("return document.querySelectorAll('#plots svg')[1].getAttribute('aria-label')")
    assert label.startswith("Events in the queue, the last hour. waiting: 12 now, 12 at most")
    dashes = [
        page.script(f"return getComputedStyle(document.querySelector('#plots .line.{line}')).strokeDasharray")
        for line in ("waiting", "dead")
    ]
    assert dashes[0] != dashes[1], "they differ in more than a colour"


def test_success_says_of_which_attempts_it_is(page, run):
    run.queue.enqueue([event(1)])
    assert Samples(run.queue).record()
    _live(page, "delivery")
    page.shows("no attempts in the last 5 min", "#figures")
    Valve(run.queue).pause("ann", "of a test")
    page.shows("no attempts since sending stopped", "#figures")


def test_old_data_is_said_to_be_old_and_comes_alive_again(driver, tmp_path):
    with Run(tmp_path) as run:
        monitor = Monitor(tmp_path, run.env)
        page = Page(driver, monitor.url, far=True)
        _live(page, "delivery")
        run.broker.kill()
        page.shows("ago: the broker cannot be reached", "#fresh")
        page.shows("The data is old", "#said")
        run.broker.start()
        page.shows("live", "#fresh")
        driver.get("about:blank")
        page.errors()
        monitor.stop()


def test_one_question_at_a_time_and_none_while_nobody_looks(page):
    _live(page, "delivery")
    page.script("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    page.driver.execute_async_script("setTimeout(arguments[0], 1500)")
    asked = page.script(ASKED)
    page.driver.execute_async_script("setTimeout(arguments[0], 2500)")
    assert page.script(ASKED) == asked


def test_letters_are_filtered_by_reason_with_a_click_and_by_user_by_hand(page, run):
    die(run.queue, [event(number, email=f"user{number}@example.com") for number in range(12)], "expired")
    die(run.queue, [event(100, email=ADDRESS, ti=f"welcome {ADDRESS}")], "rejected")
    _live(page, "dead-letters")
    page.shows("13 dead letters in all", "#matching")
    assert len(page.rows("#letters")) == 13
    page.click("expired 12")
    page.shows("12 dead letters match", "#matching")
    until(lambda: len(page.rows("#letters")) == 12, "the list follows")
    page.click("All", "#filters")
    page.type("#f-user", ADDRESS)
    page.click("Filter", "#filters")
    page.shows("1 dead letter matches", "#matching")
    page.shows("welcome <address>", "#letters")
    assert ADDRESS not in page.text() + page.driver.title + page.driver.current_url
    page.type("#f-user", "")
    page.type("#f-since", "yesterday")
    page.click("Filter", "#filters")
    page.shows("since: write a length of time", "main")


def test_pages_of_letters(page, run):
    die(run.queue, [event(number, ti=f"title {number}") for number in range(60)], "expired")
    _live(page, "dead-letters")
    until(lambda: len(page.rows("#letters")) == 50, "the first page")
    page.click("Next page")
    until(lambda: len(page.rows("#letters")) == 10, "the second page")
    assert page.rows("#letters")[-1][2] == "title 59"
    page.click("To the first")
    until(lambda: len(page.rows("#letters")) == 50, "the first page again")


def test_a_letter_is_edited_until_it_is_right_and_replayed(page, run):
    (seq,) = die(run.queue, [event(1, email=ADDRESS, ip="nowhere")], "rejected")
    _live(page, "dead-letters")
    page.shows("rejected", "#letters")
    page.driver.find_element("css selector", "#letters a").click()
    page.shows(ADDRESS, "#content")
    page.shows("misconfigured", "#attempts")
    page.type("#event", '{"si": "d1", "ti": "signup", "email": ')
    page.click("Save as a new revision")
    page.shows("This is not JSON", "#wrong")
    page.type("#event", '{"si": "d1", "ti": "signup", "json": "x"}')
    page.click("Save as a new revision")
    page.shows("json: the worker reads the answer", "#wrong")
    page.type("#event", '{"si": "d1", "ti": "signup", "plan": "pro"}')
    page.click("Save as a new revision")
    page.shows("edited 1 time", "#letter")
    page.shows("plan", "#content")
    page.click("Replay it")
    page.shows("It was replayed", "#letter")
    assert run.books().ready == 1
    page.click("Where the event is now", "#letter", "a")
    page.shows("ready", "#found")
    page.shows("edit", "#found")
    assert DeadLetters(run.queue).show(str(seq)) is None


def test_a_letter_is_dropped_after_it_was_asked(page, run):
    (seq,) = die(run.queue, [event(1)], "rejected")
    page.load(f"dead-letters/{seq}")
    page.shows("rejected", "#letter")
    page.click("Drop it")
    page.shows("Say why", "#said")
    page.type("#because", "of a test")
    page.click("Drop it")
    page.shows("Drop it for good?", "dialog")
    page.click("Leave it", "dialog")
    assert DeadLetters(run.queue).show(str(seq))
    page.click("Drop it")
    page.click("Drop for good", "dialog")
    page.shows("It was dropped", "#letter")
    assert run.books().dropped == 1


def test_all_that_match_are_replayed_slowly_seen_and_cancelled(page, run):
    die(run.queue, [event(number) for number in range(40)], "refused")
    _live(page, "dead-letters")
    page.shows("40 dead letters in all", "#matching")
    page.type("#replay-rate", "4")
    page.click("Replay…")
    page.shows("At 4 a second the replay takes 10.0 s", "dialog")
    page.click("Replay", "dialog")
    page.shows("to go, about", "#running")
    page.click("Cancel", "#running")
    page.shows("stopped", "#running")
    assert 0 < run.books().ready < 40
    page.type("#replay-rate", "")
    until(lambda: page.text("#matching") == f"{run.books().dead} dead letters in all", "the rest is counted")
    page.click("Replay…")
    page.click("Replay", "dialog")
    page.shows("40 replayed; done", "#running")
    page.shows("0 dead letters", "#matching")


def test_all_that_match_are_dropped_after_it_was_asked(page, run):
    die(run.queue, [event(number) for number in range(15)], "refused")
    _live(page, "dead-letters")
    page.shows("15 dead letters in all", "#matching")
    page.type("#because", "of a test")
    page.click("Drop…")
    page.shows("15 dead letters in all, since no filter is set will be gone for good", "dialog")
    page.click("Drop for good", "dialog")
    page.shows("15 dropped; done", "#running")
    page.shows("0 dead letters", "#matching")


def test_an_event_and_the_events_of_a_user_are_found(page, run):
    run.queue.enqueue([event(1, email=ADDRESS)])
    go_out(run.queue, "scheduled", "600000")
    page.load("event")
    page.type("#eid", ADDRESS)
    page.click("Find the event")
    page.shows("This is no event id", "#found")
    page.type("#user", ADDRESS)
    page.click("Find what waits or is dead")
    page.shows("1 event of this user", "#found")
    assert ADDRESS not in page.text() + page.driver.title + page.driver.current_url
    page.driver.find_element("css selector", "#found a").click()
    page.shows("scheduled: next attempt at", "#found")
    page.shows("http_503", "#found")
    page.type("#eid", "f" * 32)
    page.click("Find the event")
    page.shows("not known here", "#found")


def test_the_books_are_an_equation_and_a_recount_proves_it(page, run):
    run.queue.enqueue([event(number) for number in range(3)])
    _live(page, "ledger")
    page.shows("Balanced: every accepted event is in exactly one place", "#balance")
    assert page.text(".lr-equation").split()[:4] == ["3", "accepted", "=", "0"]
    page.click("Recount now")
    page.shows("3 messages read; accepted 3", "#counted")
    run.broker.client.rpop(run.queue.keys.name("ready"))
    page.shows("The books do not balance", "#balance")
    page.click("Recount now")
    page.shows("1 lost", "#counted")


@pytest.fixture
def places(run):
    """Give the addresses of all our pages, with something to see on each."""
    (seq,) = die(run.queue, [event(1, email=ADDRESS, ti="a title " * 30, note="x" * 3000)], "rejected")
    return [place.format(seq=seq, eid=f"{1:032x}") for place in OURS]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_page_is_wider_than_the_screen(page, places, size):
    for place in places:
        page.load(place, size)
        until(lambda: "Connecting" not in page.text("#fresh"), f"{place} has answered")
        page.driver.execute_async_script("setTimeout(arguments[0], 300)")
        wide, room = page.script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide <= room, place
        assert page.script("return document.querySelectorAll('h1').length") == 1


def test_every_control_has_a_name(page, places):
    for place in places:
        page.load(place)
        until(lambda: "Connecting" not in page.text("#fresh"), f"{place} has answered")
        nodes = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        shown = [node for node in nodes if not node["ignored"] and node["role"]["value"] in NAMED]
        assert len(shown) > 8
        assert [node["role"]["value"] for node in shown if not node.get("name", {}).get("value")] == [], place


def test_a_pause_by_keyboard_alone(page, run):
    _live(page, "delivery")
    page.script("document.getElementById('reason').focus()")
    page.press(*"upgrade", Keys.TAB, Keys.TAB)
    assert page.focused == "Pause sending"
    page.press(Keys.ENTER)
    page.shows("by monitor: upgrade", "#verdict")


def test_the_focus_stays_where_it_is_while_figures_change(page, run):
    Valve(run.queue).pause("ann")
    _live(page, "delivery")
    page.shows("Resume sending", "#verdict")
    page.script("window.kept = document.getElementById('press'); kept.focus()")
    run.queue.enqueue([event(1)])
    page.shows("1", "#figures .metric-value")
    page.driver.execute_async_script("setTimeout(arguments[0], 2500)")
    assert page.focused == "Resume sending"
    assert page.script("return kept === document.getElementById('press')"), "a click under way is not lost"


def test_flowers_own_pages_lead_to_ours_and_back(page):
    page.load("broker")
    page.click("Ledger", "nav", "a")
    page.shows("Ledger", "h1")
    page.click("Workers", "nav", "a")
    page.shows("Online workers")
