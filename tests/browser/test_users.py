"""Users, their profile and timeline; addresses within the page."""


def test_a_profile_tells_the_origin_of_each_value_and_the_timeline_has_both_events(page):
    page.send(ti="trial_started", uid="u1", sid="s1", email="ann@example.com", plan="free")
    page.send(ti="invoice_paid", uid="u1", sid="s1", plan="pro")
    page.open("#/users")
    page.click("ann@example.com", "main", "a")
    page.shows("invoice_paid", ".profile")
    origins = {name: (value, origin) for name, value, origin in page.rows(".profile")}
    assert origins["plan"][0] == "pro"
    assert origins["plan"][1].startswith("sent with invoice_paid at ")
    assert origins["email"][0] == "ann@example.com"
    assert origins["email"][1].startswith("sent with trial_started at ")
    timeline = page.text(".sessions")
    assert timeline.index("invoice_paid") < timeline.index("trial_started")
    assert "Session s1" in timeline


def test_what_the_sandbox_read_from_the_request_is_told_from_what_was_sent(page):
    page.send(ti="trial_started", uid="u1", plan="free")
    page.open("#/users/u1?si=d")
    page.shows("read from the request of trial_started", ".profile")


def test_a_profile_changes_while_it_is_watched(page):
    page.send(ti="trial_started", uid="u1", plan="free")
    page.open("#/users/u1?si=d")
    page.shows("free", ".profile")
    page.send(ti="invoice_paid", uid="u1", plan="pro")
    page.shows("pro", ".profile")
    page.shows("invoice_paid", ".sessions")


def test_users_are_found_by_a_part_of_their_ids(page):
    for name in ("ann", "bob"):
        page.send(ti="x", userId=name, email=f"{name}@example.com")
    page.open("#/users")
    page.shows("2 users")
    page.type("#find-user", "bob@")
    page.shows("1 match")
    assert "ann@" not in page.text("main")


def test_addresses_survive_reload_and_back(page):
    page.send(ti="trial_started", uid="a/b?c#d", plan="free")
    page.open("#/users")
    page.click("a/b?c#d", "main", "a")
    page.shows("trial_started", ".sessions")
    page.driver.refresh()
    page.shows("trial_started", ".sessions")
    page.click("trial_started", ".sessions", "a")
    page.shows("trial_started", ".detail h2")
    page.driver.back()
    page.shows("Timeline")
    page.driver.back()
    page.shows("1 user")


def test_an_unknown_user_and_an_unknown_event_are_said_to_be_unknown(page):
    page.open("#/events/none")
    page.shows("not kept any more", ".detail")
    page.open("#/users/none?si=d")
    page.shows("no such id")
    assert [error for error in page.errors() if "404" not in error] == []
