"""The sentences of the vendor's page that state behaviour: producer, queue, a real worker, the sandbox.

docs/track-api.md names these tests. Each runs with events sent by POST and by GET.
"""

import leadrelay
import pytest
from leadrelay.errors import InvalidEvent
from leadrelay.trackapi.answers import GIF, render_answer
from leadrelay.trackapi.cookies import ids_from_cookies
from leadrelay.trackapi.milestones import MILESTONES
from leadrelay.trackapi.proxy import TABLE
from leadrelay_worker.delivery.classify import classify
from leadrelay_worker.delivery.destination import Destination
from leadrelay_worker.delivery.outcome import Verdict

from tests.chaos.run import DATASET
from tests.integration.page import CHROME, OTHER_VISITOR, VISITOR, country_of

# Endpoint, names and values.


def test_get_and_post_are_supported(api):
    assert api.track()["method"] == api.method
    assert api.arrived(api.direct(ti="signup").text)["method"] == api.method


def test_the_minimal_event_results_in_ids_and_counters(api):
    before, ti = api.look("counters")["total"], api.fresh("Please track me")
    event = api.track(ti, proxy=False)
    assert event["eid"] and event["sid"] and event["uid"]  # noqa: PT018 - one thing: all ids are there
    after = api.look("counters")["total"]
    assert {name: after[name] - before[name] for name in after} == {"events": 1, "sessions": 1, "unique": 1}
    assert api.title(ti) == (1, 1)


def test_counters_are_total_and_unique(api):
    ti, uid = api.fresh("title"), api.fresh("u")
    for who in (uid, uid, api.fresh("u")):
        api.track(ti, uid=who, proxy=False)
    assert api.title(ti) == (3, 2)


def test_names_are_ascii(api):
    with pytest.raises(InvalidEvent, match=r"property names are printable ASCII"):
        leadrelay.track_event("signup", properties={"naïve": "x"})
    event = api.track(uid=api.fresh("u"), properties={"Customer ID": 7, "a.b-c[d]&=%+": "x"})
    assert {"Customer ID": "7", "a.b-c[d]&=%+": "x"}.items() <= event["params"].items()


def test_values_are_url_encoded(api):
    value = "a&b=c+d%20 é ☃ \U0001f600\r\n\t\0;#?/\\\"'<>"
    event = api.track(uid=api.fresh("u"), note=value)
    assert (event["params"]["note"], event["charset"]) == (value, "utf-8")
    assert api.profile(event["uid"])["note"] == value


def test_any_number_of_pairs_is_included(api):
    pairs = {f"n{number}": str(number) for number in range(190)}
    assert pairs.items() <= api.track(uid=api.fresh("u"), properties=pairs)["params"].items()


def test_an_empty_value_is_sent_and_none_is_not(api):
    uid = api.fresh("u")
    api.track(uid=uid, companyName="Example", role="cto")
    event = api.track(uid=uid, companyName="", role=None)
    assert (event["params"]["companyName"], "role" in event["params"]) == ("", False)
    assert api.profile(uid) | {"companyName": "Example", "role": "cto"} == api.profile(uid)


# Users and sessions.


def test_every_property_is_copied_to_the_profile(api):
    uid = api.fresh("u")
    api.track(uid=uid, action="signup", plan="basic")
    api.track(uid=uid, plan="premium", seats=5)
    profile = api.profile(uid)
    assert {"action": "signup", "plan": "premium", "seats": "5"}.items() <= profile.items()
    assert not {"si", "eid", "uid", "sid", "proxy"} & profile.keys()


def test_backend_and_browser_are_stitched(api):
    uid, user_id = api.fresh("u"), api.fresh("customer")
    api.direct(ti="page view", uid=uid)
    api.track("user_registered", uid=uid, userId=user_id)
    api.track("invoice_paid", userId=user_id)
    assert api.clickstream(uid) == ["page view", "user_registered", "invoice_paid"]


def test_the_browsers_user_is_read_from_its_cookies(api):
    random, first, start = api.number(), 1606468777834, 1606468999000
    browser = api.arrived(api.direct(ti="page view", uid=f"{first}.{random}", sid=f"{start}.{random}").text)
    cookies = {"_otui": f"{random}.{first}.{first}.{first}.1.1", "_ots": f"3.{start}.{start}.{start}"}
    event = api.track("user_registered", **ids_from_cookies(cookies))
    assert (event["uid"], event["sid"]) == (browser["uid"], browser["sid"])


def test_existing_entities_are_updated(api):
    uid, sid, email = api.fresh("u"), api.fresh("s"), f"{api.fresh('ann')}@example.com"
    api.track(uid=uid, sid=sid, plan="pro")
    api.track(uid=uid, sid=sid, email=email)
    assert {"plan": "pro", "email": email}.items() <= api.profile(uid).items()
    session = next(row for row in api.look("sessions", limit=500)["sessions"] if row["sid"] == sid)
    assert session["profile"]["email"]["value"] == email


def test_update_user_updates_and_counts_nothing(api):
    uid = api.fresh("u")
    api.track(uid=uid, plan="basic", **VISITOR)
    event = api.arrived(leadrelay.update_user(uid=uid, plan="pro", seats=5, **OTHER_VISITOR))
    assert (event["ti"], event["proxy"], event["counted"]) == ("user_updated", True, False)
    assert {"plan": "pro", "seats": "5", "browser": "Firefox"}.items() <= api.profile(uid).items()
    assert api.user(uid)["counters"] == {"events": 1, "sessions": 1}
    with pytest.raises(InvalidEvent, match=r"^nobody is named"):
        leadrelay.update_user(plan="pro")


@pytest.mark.parametrize("title", MILESTONES)
def test_milestones_are_titles(api, title):
    uid = api.fresh("u")
    assert api.track(title, uid=uid)["ti"] == title
    assert api.clickstream(uid) == [title]


# Using a proxy.


def row_id(row):
    return f"{row.asked}-{'visitor' if row.visitor else 'nobody'}"


@pytest.mark.parametrize("row", TABLE, ids=row_id)
def test_what_leadboxer_counts(api, row):
    uid, ti = api.fresh("u"), api.fresh("title")
    api.track(uid=uid, proxy=False, **VISITOR)
    event = api.track(ti, uid=uid, proxy=row.asked, plan="pro", **(OTHER_VISITOR if row.visitor else {}))
    assert (event["params"].get("proxy"), event["proxy"]) == ("true" if row.sent else None, row.sent)
    assert (event["counted"], api.title(ti)) == (row.counted, (1, 1) if row.counted else (0, 0))
    assert api.user(uid)["counters"] == {"events": 1 + row.counted, "sessions": 1 + row.counted}
    profile = api.profile(uid)
    assert profile["plan"] == "pro"
    address = {"the visitor": "203.0.113.9", "nobody": "198.51.100.7", "the worker": "127.0.0.1"}
    whose = row.enriched_from.partition(":")[0]
    assert profile["country"] == country_of(address[whose])
    assert profile["browser"] == ("Chrome" if whose == "the visitor" else "Firefox")


def test_half_a_visitor_is_none(api):
    for half in ({"ip": "203.0.113.9"}, {"user_agent": CHROME}):
        uid = api.fresh("u")
        api.track(uid=uid, proxy=False, **VISITOR)
        assert api.track(uid=uid, **half)["proxy"]
        assert api.profile(uid)["country"] == country_of("198.51.100.7")


def test_a_raw_url_overwrites_browser_place_and_session_end(api):
    uid, sid = api.fresh("u"), api.fresh("s")
    api.track(uid=uid, sid=sid, browser="Lynx", platform="OS X", country="NL")
    assert api.user(uid)["sessions"][0]["end_ms"] is None
    api.track(uid=uid, sid=sid, **VISITOR)
    assert {
        "browser": "Firefox",
        "platform": "Windows",
        "country": country_of("198.51.100.7"),
    }.items() <= api.profile(uid).items()
    assert api.user(uid)["sessions"][0]["end_ms"] is not None


def test_proxy_true_prevents_that(api):
    uid, sid = api.fresh("u"), api.fresh("s")
    api.track(uid=uid, sid=sid, **VISITOR)
    before = api.user(uid)
    api.track(uid=uid, sid=sid, proxy=True, email=f"{uid}@example.com", **OTHER_VISITOR)
    after = api.user(uid)
    assert after["sessions"] == before["sessions"]
    assert after["counters"] == before["counters"]
    for name in ("browser", "browserVersion", "platform", "country", "region", "city"):
        assert after["profile"][name] == before["profile"][name]
    assert after["profile"]["email"]["value"] == f"{uid}@example.com"


# Return formats; the worker reads what it is answered.


def test_the_default_answer_is_the_event_id(api):
    eid = api.fresh("eid")
    answer = api.direct(ti="signup", eid=eid)
    assert (answer.headers["Content-Type"], answer.text) == ("text/plain; charset=utf-8", eid)


@pytest.mark.parametrize("form", ["", "json", "callback=cb", "json&callback=cb"])
def test_the_workers_client_reads_each_real_return_format(api, form):
    eid = api.fresh("eid")
    endpoint = Destination(f"{api.url}/?{form}", method=api.method)
    assert classify(endpoint.send(f"si={DATASET}&eid={eid}", "test"), eid) == Verdict("accepted", "http_200")
    assert classify(endpoint.send(f"si={DATASET}", "test"), eid) == Verdict("accepted", "http_200", other_id=True)


def test_the_workers_client_takes_no_image_for_an_id(api):
    seen = Destination(f"{api.url}/?pix", method=api.method).send(f"si={DATASET}", "test")
    assert (seen.body, classify(seen, "e" * 32)) == (GIF, Verdict("misconfigured", "not_an_id"))


@pytest.mark.parametrize("params", [{}, {"json": ""}, {"callback": "cb"}], ids=["text", "json", "jsonp"])
def test_the_worker_reads_each_return_format(api, params):
    eid, ti = api.fresh("eid"), api.fresh("title")
    api.run.faults({"ti": ti, "status": 200, "body": render_answer(eid, params).body.decode()})
    leadrelay.track_event(ti, eid=eid)
    assert "outcome=accepted reason=http_200" in api.attempt(eid)
    assert "other_id" not in api.attempt(eid)


def test_the_worker_takes_no_page_for_an_id(api):
    for body in ("<html>Sign in</html>", "success", ""):
        eid, ti = api.fresh("eid"), api.fresh("title")
        api.run.faults({"ti": ti, "status": 200, "body": body})
        leadrelay.track_event(ti, eid=eid)
        assert "outcome=misconfigured reason=not_an_id" in api.attempt(eid)


# Ways in.


def test_an_idempotency_key_is_one_event(api):
    uid, key = api.fresh("u"), api.fresh("order")
    ids = {leadrelay.track_event("invoice_paid", uid=uid, idempotency_key=key) for _ in range(3)}
    ids |= set(leadrelay.track_many([{"ti": "invoice_paid", "uid": uid, "idempotency_key": key}]))
    api.track("later", uid=uid)
    assert api.clickstream(uid) == ["invoice_paid", "later"]
    (eid,) = ids
    assert len(api.arrivals(eid)) == 1


def test_a_url_is_tracked_with_its_text_right(api):
    uid = api.fresh("u")
    url = f"https://log.leadboxer.com/?si={DATASET}&ti=renamed&uid={uid}&name=Zo%EB&email=a%2Bb%40example.com&json"
    event = api.arrived(leadrelay.track_url(url))
    assert (event["charset"], event["warnings"]) == ("utf-8", [])
    assert {"name": "Zoë", "email": "a+b@example.com"}.items() <= api.profile(uid).items()


def test_many_events_arrive_in_order_of_their_user(api):
    uid = api.fresh("u")
    ids = leadrelay.track_many({"ti": f"step {n}", "uid": uid, "properties": {"step": n}} for n in range(30))
    api.arrived(ids[-1])
    assert [event["eid"] for event in reversed(api.user(uid)["timeline"])] == ids
    assert api.profile(uid)["step"] == "29"
