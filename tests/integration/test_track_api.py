"""The parameter table of the vendor's page, row by row: producer, queue, a real worker, the sandbox.

docs/track-api.md names these tests. Each runs with events sent by POST and by GET.
"""

import leadrelay
import pytest
import requests
from leadrelay.errors import InvalidEvent
from leadrelay.trackapi.answers import GIF

from tests.chaos.run import DATASET
from tests.integration.page import VISITOR


def carried(api, name, value, text=None):
    """A parameter arrives as given, without a doubt, and stands on the user's profile."""
    event = api.track(uid=api.fresh("u"), **{name: value})
    assert event["params"][name] == (text or value)
    assert event["warnings"] == []
    assert api.profile(event["uid"])[name] == (text or value)


def test_si_names_the_dataset(api):
    uid = api.fresh("u")
    api.track(uid=uid, plan="pro")
    other = api.track(uid=uid, plan="basic", si="another-dataset")
    assert other["si"] == other["params"]["si"] == "another-dataset"
    assert api.user(uid)["profile"]["plan"]["value"] == "pro"
    assert api.user(uid, "another-dataset")["profile"]["plan"]["value"] == "basic"


def test_si_is_required(api, monkeypatch):
    answer = requests.get(f"{api.url}/?ti=signup", timeout=5)
    assert (answer.status_code, answer.text) == (400, "si: no dataset id")
    monkeypatch.delenv("LEADRELAY_DATASET_ID")
    with pytest.raises(InvalidEvent, match=r"^si: no dataset id; pass si= or set LEADRELAY_DATASET_ID$"):
        leadrelay.track_event("signup")


def test_ti_shows_up_in_the_users_clickstream(api):
    uid = api.fresh("u")
    for title in ("Please track me", "Änderung ☃"):
        assert api.track(title, uid=uid)["ti"] == title
    assert api.clickstream(uid) == ["Please track me", "Änderung ☃"]


def test_without_ti_there_is_no_title(api):
    event = api.arrived(leadrelay.track_url(f"https://log.leadboxer.com/?si={DATASET}&plan=pro"))
    assert (event["ti"], "ti" in event["params"]) == ("NO TITLE", False)
    with pytest.raises(InvalidEvent, match=r"^ti: expected a text that is not blank$"):
        leadrelay.track_event("")


def test_eid_is_the_events_id(api):
    eid = api.fresh("invoice")
    assert leadrelay.track_event("signup", eid=eid) == eid
    assert api.arrived(eid)["params"]["eid"] == eid


def test_without_eid_a_new_one_is_created_and_returned(api):
    made = api.direct(ti="signup").text
    assert api.arrived(made)["eid"] == made
    assert api.direct(ti="signup").text != made
    assert api.track()["params"]["eid"] == api.look("events", last=1)[0]["eid"]


def test_sid_names_the_session(api):
    sid, uid = api.fresh("s"), api.fresh("u")
    for _ in range(2):
        assert api.track(sid=sid, uid=uid, proxy=False)["sid"] == sid
    (session,) = api.user(uid)["sessions"]
    assert (session["sid"], session["events"]) == (sid, 2)


def test_without_sid_the_session_is_the_event(api):
    event = api.track(uid=api.fresh("u"))
    assert event["sid"] == event["eid"]


def test_uid_overrides_any_user(api):
    owner, other, email = api.fresh("u"), api.fresh("u"), f"{api.fresh('ann')}@example.com"
    api.track(uid=owner, email=email)
    assert api.track(uid=other, email=email)["uid"] == other
    assert api.track(email=email)["uid"] == owner


def test_without_uid_and_email_the_user_is_the_event(api):
    event = api.track()
    assert event["uid"] == event["sid"] == event["eid"]


def test_browser_overrides_what_is_detected(api):
    event = api.track(uid=api.fresh("u"), browser="Lynx", **VISITOR)
    assert api.profile(event["uid"])["browser"] == "Lynx"


def test_browser_version_overrides_what_is_detected(api):
    event = api.track(uid=api.fresh("u"), browserVersion="2.9", **VISITOR)
    assert api.profile(event["uid"])["browserVersion"] == "2.9"


def test_platform_overrides_what_is_detected(api):
    event = api.track(uid=api.fresh("u"), platform="OS X", **VISITOR)
    assert api.profile(event["uid"])["platform"] == "OS X"


def test_browser_and_platform_are_detected_from_the_user_agent(api):
    profile = api.user(api.track(uid=api.fresh("u"), **VISITOR)["uid"])["profile"]
    found = {name: profile[name] for name in ("browser", "browserVersion", "platform")}
    assert {name: origin["value"] for name, origin in found.items()} == {
        "browser": "Firefox",
        "browserVersion": "128.0",
        "platform": "Windows",
    }
    assert {origin["from"] for origin in found.values()} == {"enriched"}


def test_ip_overrides_the_requests_address(api):
    profile = api.profile(api.track(uid=api.fresh("u"), **VISITOR)["uid"])
    assert [profile[name] for name in ("country", "region", "city")] == [
        f"{name} of 198.51.100.7 (stand-in)" for name in ("country", "region", "city")
    ]


def test_eh_is_carried(api):
    carried(api, "eh", 937, "937")


def test_ew_is_carried(api):
    carried(api, "ew", 1905, "1905")


def test_sh_is_carried(api):
    carried(api, "sh", 1080, "1080")


def test_sw_is_carried(api):
    carried(api, "sw", 1920, "1920")


def test_sc_is_carried(api):
    carried(api, "sc", "24")


def test_lc_is_a_full_url(api):
    carried(api, "lc", "https://www.mysite.com/mypage?a=1&b=é#top")


def test_locale_is_carried(api):
    carried(api, "locale", "nl-NL")


def test_otor_is_carried(api):
    carried(api, "otor", "1279273431384.http%3A//google.com")


def test_otpe_is_carried(api):
    carried(api, "otpe", "https://www.mysite.com/before")


def test_otr_is_carried(api):
    carried(api, "otr", "1279273431384.http%3A//google.com")


def test_ref_is_carried(api):
    carried(api, "ref", "https://www.google.com/")


def test_tz_is_carried(api):
    carried(api, "tz", "Europe/Amsterdam")


def test_user_id_identifies(api):
    uid, user_id = api.fresh("u"), api.fresh("customer")
    api.track(uid=uid, userId=user_id)
    assert api.track(userId=user_id, plan="pro")["uid"] == uid
    assert api.profile(uid)["plan"] == "pro"


def test_email_identifies(api):
    uid, email = api.fresh("u"), f"{api.fresh('j.doe+x')}@example.com"
    api.track(uid=uid, email=email)
    assert api.track(email=email.upper())["uid"] == uid


def test_increment_false_counts_nothing(api):
    ti = api.fresh("title")
    event = api.track(ti, uid=api.fresh("u"), increment=False, **VISITOR)
    assert (event["proxy"], event["counted"], api.title(ti)) == (False, False, (0, 0))
    assert api.profile(event["uid"])["browser"] == "Firefox"


def test_otui_holds_the_user(api):
    event = api.track(otui="459913894.1606468777834.1606468777834.1606468777834.1.1")
    assert event["uid"] == "1606468777834.459913894"
    assert "otui" not in api.profile(event["uid"])


def test_ots_holds_the_session(api):
    otui = "559913894.1606468777834.1606468777834.1606468777834.1.1"
    event = api.track(otui=otui, ots="3.1606468999000.1606469000000.1606469001000")
    assert event["sid"] == "1606468999000.559913894"


def test_pix_returns_a_single_pixel(api):
    answer = api.direct(ti="signup", pix="")
    assert (answer.headers["Content-Type"], answer.content) == ("image/gif", GIF)


def test_json_returns_the_id_as_json(api):
    answer = api.direct(ti="signup", eid=api.fresh("eid"), json="")
    assert answer.headers["Content-Type"] == "application/json"
    assert api.arrived(answer.json()["eid"])


def test_callback_formats_the_json_as_jsonp(api):
    eid = api.fresh("eid")
    for query in ({"json": ""}, {}):
        answer = api.direct(ti="signup", eid=eid, callback="jQueryCallback", _="17", **query)
        assert answer.text == f'jQueryCallback({{"eid": "{eid}"}});'


@pytest.mark.parametrize("name", ["pix", "json", "callback"])
def test_the_form_of_the_answer_is_the_workers(api, name):
    with pytest.raises(InvalidEvent, match=f"^{name}: the worker reads the answer"):
        leadrelay.track_event("signup", properties={name: "1"})
    eid = leadrelay.track_url(f"https://log.leadboxer.com/?si={DATASET}&ti=signup&{name}=x")
    assert name not in api.arrived(eid)["params"]
