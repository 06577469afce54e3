"""The live list and the opened event."""

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.browser.page import NARROW, WIDE
from tests.chaos.processes import until

HOSTILE = "<img src=x onerror=\"document.title='hit'\">"
TOP_OF_ROW = """
return [...document.querySelectorAll('.rows li')].find((li) => li.innerText.includes(arguments[0]))
    .getBoundingClientRect().top"""
VIEWS = ("", "#/users", "#/counters", "#/faults", "#/switches")


def test_an_empty_sandbox_says_how_to_send_a_first_event(page):
    page.open()
    page.shows(f"curl '{page.url}/?si=demo&ti=hello")
    assert "leadrelay track hello userId=42" in page.text()
    page.click("Send a first event")
    page.shows("hello", ".rows")
    assert not page.text(".empty")


def test_a_good_event_appears_without_reload(page):
    page.open()
    page.script("window.loaded = 'once'")
    page.send(ti="invoice_paid", userId="42", amount="99.50")
    page.shows("invoice_paid", ".rows")
    page.send(ti="trial_started", userId="42")
    page.shows("trial_started", ".rows li:first-child")
    assert page.script("return window.loaded") == "once"


def test_a_bad_request_appears_with_its_reason_and_its_line(page):
    page.open()
    requests.post(f"{page.url}/?ti=signup", timeout=5)
    page.shows("bad 400", ".rows")
    reason = page.control("bad")[0]["reason"]
    assert reason in page.text(".rows")
    page.click(reason, ".rows", "a")
    page.shows("POST /?ti=signup", ".detail")


def test_an_opened_event_shows_meanings_ids_and_what_was_counted(page):
    eid = page.send(ti="invoice_paid", userId="42", plan="pro", proxy="true").text
    page.open(f"#/events/{eid}")
    page.shows("invoice_paid", ".detail")
    detail = page.text(".detail")
    assert "the application's id of the user (recommended)" in detail
    assert page.rows(".detail table:first-of-type")[0] == ["plan", "pro"]
    assert "Not counted: proxy is set" in detail
    assert eid in detail.split("Ids")[1]


def test_a_repeated_id_is_shown_as_one_event_that_arrived_twice(page):
    for _ in range(2):
        page.send(ti="invoice_paid", eid="e1", userId="42")
    page.open("#/events/e1")
    page.shows("This id arrived 2 times", ".detail")
    assert "Not counted: its id arrived before" in page.text(".detail")
    page.click("", ".detail > ul", "a")
    page.shows("Counted: its counters moved", ".detail")


def test_warnings_are_shown_and_tell_what_is_not_documented(page):
    page.open()
    page.send(ti="invoice_paid", user_id="42", **{"Customer ID": "7"})
    page.shows("2 warnings", ".rows")
    page.click("invoice_paid", ".rows", "a")
    page.shows("did you mean userId", ".detail .warnings")
    assert "not documented: Customer ID" in page.text(".warnings")


def test_hostile_text_stays_text(page):
    page.send(ti=HOSTILE, uid=HOSTILE, name=HOSTILE, **{HOSTILE: HOSTILE})
    requests.get(f"{page.url}/?{HOSTILE}", timeout=5)
    event = page.control("events")[0]
    user = requests.utils.quote(event["uid"], safe="")
    for address in (f"#/events/{event['eid']}", "#/bad/0", f"#/users/{user}?si=d", *VIEWS[1:3]):
        page.open(address)
        page.shows("onerror")
        assert page.count("img") == 0
        assert "hit" not in page.driver.title


def test_the_filter_finds_by_title_user_property_and_kind_and_survives_reload(page):
    page.send(ti="invoice_paid", userId="ann", plan="pro")
    page.send(ti="trial_started", userId="bob", plan="free")
    requests.post(page.url, timeout=5)
    page.open()
    for words, found in (("invoice", "invoice_paid"), ("BOB", "trial_started"), ("plan=free bob", "trial_started")):
        page.type("#find", words)
        until(lambda found=found: page.count(".rows li") == 1 and found in page.text(".rows"), "one is found", 5)
    page.driver.refresh()
    page.shows("1 of 3 arrivals")
    page.type("#find", "\b")
    page.click("Bad", ".kinds", "label")
    until(lambda: page.count(".rows .bad") and not page.count(".rows .good"), "only bad ones are listed", 5)


def test_pause_holds_the_list_and_resume_catches_up(page):
    page.send(ti="first")
    page.open()
    page.shows("first", ".rows")
    page.click("Pause")
    page.send(ti="second")
    page.shows("Resume (1 new)", ".tools")
    assert "second" not in page.text(".rows")
    page.click("Resume")
    page.shows("second", ".rows li:first-child")


def test_new_rows_do_not_move_what_is_read(page):
    for number in range(60):
        page.send(ti=f"event {number}")
    page.open()
    page.shows("event 20", ".rows")
    page.script("document.querySelector('.scroll').scrollTop = 700")
    before = page.script(TOP_OF_ROW, "event 30")
    page.send(ti="late")
    page.shows("1 new", ".above")
    assert abs(page.script(TOP_OF_ROW, "event 30") - before) < 1
    page.click("1 new")
    until(lambda: page.script("return document.querySelector('.scroll').scrollTop") == 0, "back at the top", 5)
    assert not page.text(".above")


def test_many_events_are_kept_and_drawn_up_to_a_limit(page):
    page.open()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: page.send(ti=f"event {number}"), range(2300)))
    page.send(ti="the last one")
    page.shows("the newest 2,000", ".summary")
    page.shows("the last one", ".rows li:first-child")
    assert page.count(".rows li") == 200
    page.click("Show more of 2,000 rows")
    assert page.count(".rows li") == 400


def test_clearing_asks_first_and_forgets_everything(page):
    page.send(ti="invoice_paid")
    page.open()
    page.shows("invoice_paid", ".rows")
    page.click("Clear")
    page.click("Keep them")
    page.send(ti="trial_started")
    page.shows("trial_started", ".rows")
    assert "invoice_paid" in page.text(".rows")
    page.click("Clear")
    page.click("Forget them")
    page.shows("Nothing has arrived yet")
    assert page.control("stats")["accepted"] == 0


def test_no_view_is_wider_than_a_narrow_screen(page):
    long = "x" * 300
    page.send(ti=long, uid=long, email=f"{long}@example.com", **{long: long})
    requests.post(f"{page.url}/?{long}", timeout=5)
    event = page.control("events")[0]
    opened = (f"#/events/{event['eid']}", "#/bad/0", f"#/users/{long}?si=d")
    for size in (NARROW, WIDE):
        for address in (*VIEWS, *opened):
            page.open(address, size)
            page.shows("x" * 20 if address in opened else "")
            assert page.overflowing() == [], address
