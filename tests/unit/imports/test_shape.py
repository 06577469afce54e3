from datetime import UTC, datetime

import pytest
from leadrelay.errors import InvalidEvent
from leadrelay.imports.record import ImportMistake, RejectedLine
from leadrelay.imports.shape import Shape, pairs, time_of

EID = "e" * 32


def shape(**options):
    return Shape(**{"default_si": "d1", "renamed": {"E-mail": "email"}, **options})


def wire(values, **options):
    made = shape(**options)
    return dict(made.event(made.named(values), EID).wire)


def test_a_crm_row():
    values = {"E-mail": "ann@example.com", "Plan": "pro", "Empty": None, "title": "CEO"}
    assert wire(values, title="crm", added={"source": "crm", "Plan": "x"}, proxy="true") == {
        "si": "d1",
        "ti": "crm",
        "email": "ann@example.com",
        "Plan": "x",
        "title": "CEO",
        "source": "crm",
        "eid": EID,
        "proxy": "true",
    }


@pytest.mark.parametrize(
    ("cell", "lane"), [("order-7", "order-7"), ("false", ""), (False, ""), ("true", None), (None, None)]
)
def test_a_line_can_name_its_lane_or_none(cell, lane):
    made = shape(title="t")
    assert made.event(made.named({"E-mail": "a@b", "lane": cell}), EID).lane_override == lane


def test_a_column_can_be_left_out():
    assert "Notes" not in wire({"E-mail": "a@b", "Notes": "x"}, title="t", renamed={"E-mail": "email", "Notes": ""})


def test_title_and_dataset_of_the_command_win_over_those_of_the_line():
    values = {"E-mail": "a@b", "ti": "own", "si": "own"}
    assert wire(values)["ti"] == "own"
    assert wire(values)["si"] == "own"
    assert wire(values, title="t", si="d2") | {"eid": ""} == {
        "si": "d2",
        "ti": "t",
        "email": "a@b",
        "eid": "",
        "proxy": "true",
    }


def test_the_lines_own_proxy_wins():
    assert "proxy" not in wire({"E-mail": "a@b", "proxy": "false"}, title="t", proxy="true")


def test_a_visitor_of_a_log_counts():
    made = Shape(anonymous=True, default_si="d1")
    event = made.event({"ti": "GET /", "ip": "1.2.3.4", "user_agent": "Mozilla"}, EID)
    assert event.wire["_ua"] == "Mozilla"
    assert "proxy" not in event.wire
    assert event.lane("") == ""


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({"uid_from": "id", "renamed": {}}, {"id": ""}),
        ({"uid_from": "id", "renamed": {}}, {}),
        ({}, {"E-mail": None}),
        ({}, {"E-mail": " "}),
        ({}, {"x": "1"}),
        ({"anonymous": True, "renamed": {}}, {"email": "a@b"}),
        ({"anonymous": True, "renamed": {}}, {"otui": "1.2.3.4.5"}),
    ],
)
def test_it_must_be_known_whom_a_line_is_about(options, values):
    with pytest.raises(RejectedLine):
        wire({"ti": "t", **values}, **options)


def test_whom_a_line_is_about():
    assert wire({"ti": "t", "id": "7"}, uid_from="id", renamed={})["uid"] == "7"
    both = {"a": "uid", "b": "email"}
    assert wire({"ti": "t", "a": "", "b": "x@y"}, renamed=both)["email"] == "x@y"
    assert shape(renamed=both).identities == ("uid", "email")


@pytest.mark.parametrize(
    "options", [{"renamed": {}}, {"anonymous": True}, {"uid_from": "id", "anonymous": True, "renamed": {}}]
)
def test_the_choice_must_be_made_once(options):
    with pytest.raises(ImportMistake, match="whom are the lines about"):
        shape(**options)


def test_options_that_are_not_utf_8():
    for options in ({"si": "\udcff"}, {"added": {"a": "\udcff"}}):
        with pytest.raises(ImportMistake, match="UTF-8"):
            shape(**options)


@pytest.mark.parametrize(
    ("columns", "options", "named"),
    [
        (("E-mail",), {}, "no title"),
        (("Email",), {"title": "t"}, "E-mail"),
        (("E-mail",), {"title": "t", "uid_from": "id"}, "--uid-from id"),
        (("E-mail", "Größe"), {"title": "t"}, "Größe"),
        (("E-mail", ""), {"title": "t"}, "''"),
        (("E-mail", "json"), {"title": "t"}, "json"),
        (("E-mail", "email"), {"title": "t"}, "email"),
        (("E-mail",), {"title": "t", "default_si": None}, "--si"),
        (("email",), {"title": "t", "anonymous": True, "renamed": {}}, "--anonymous"),
    ],
)
def test_options_that_do_not_fit_the_columns(columns, options, named):
    with pytest.raises(ImportMistake, match=named):
        shape(**options).check(columns)


def test_options_that_fit():
    shape(title="t").check(("E-mail", "title", "lane", "properties", "proxy", "ip", "si", "eid", "user_agent"))
    shape(renamed={"E-mail": "email", "": "", "T": "ti", "S": "si"}, default_si=None).check(("E-mail", "", "T", "S"))
    shape().check(None)


@pytest.mark.parametrize("title", [None, "", {"a": 1}, " "])
def test_a_line_without_a_title_is_rejected(title):
    with pytest.raises((RejectedLine, InvalidEvent), match="ti"):
        wire({"E-mail": "a@b", "ti": title})


def test_a_url_may_have_no_title():
    assert "ti" not in wire({"E-mail": "a@b"}, untitled=True)


def test_what_is_no_event_is_rejected_without_its_value():
    for values in (
        {"x": {"secret": 1}},
        {"x": ["secret"]},
        {"eid": "sec ret"},
        {"eid": {"secret": 1}},
        {"user_agent": ["secret"]},
    ):
        with pytest.raises((RejectedLine, InvalidEvent)) as caught:
            wire({"E-mail": "a@b", "ti": "t", **values})
        assert "secret" not in str(caught.value)


def test_ids():
    assert wire({"E-mail": "a@b", "ti": "t", "eid": "event-1"})["eid"] == "event-1"
    keyed = [wire({"E-mail": "a@b", "ti": "t", "idempotency_key": key})["eid"] for key in ("1", "1", "2")]
    assert keyed[0] == keyed[1] != keyed[2] != EID
    made = shape()
    ids = {
        made.id_of({}, b"row", 1),
        made.id_of({}, b"row", 2),
        made.id_of({}, b"other", 1),
        shape(title="t").id_of({}, b"row", 1),
        shape(added={"a": "1"}).id_of({}, b"row", 1),
        shape(si="d2").id_of({}, b"row", 1),
    }
    assert len(ids) == 6
    assert shape(default_si="d2").id_of({}, b"row", 1) == shape(si="d2").id_of({}, b"row", 1)
    assert shape(default_si="d2").id_of({"si": "d1"}, b"row", 1) == made.id_of({"si": "d1"}, b"row", 1)
    assert shape(si="d2").id_of({"si": "d1"}, b"row", 1) != made.id_of({"si": "d1"}, b"row", 1)
    same = shape(renamed={"a": "uid"}, proxy="true")
    assert same.id_of({}, b"row", 1) == made.id_of({}, b"row", 1)


@pytest.mark.parametrize(
    ("values", "at"),
    [
        ({}, None),
        ({"occurredAt": ""}, None),
        ({"occurredAt": "2026-05-17T10:05:03+02:00"}, datetime(2026, 5, 17, 8, 5, 3, tzinfo=UTC)),
        ({"occurredAt": "2026-05-17"}, datetime(2026, 5, 17, tzinfo=UTC)),
        ({"t_ms": "1431857103000"}, datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)),
        ({"loggedAt": "2015-05-17T10:05:03+00:00"}, datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC)),
        ({"loggedAt": "yesterday"}, None),
    ],
)
def test_when_a_line_happened(values, at):
    assert time_of(values) == at


@pytest.mark.parametrize("values", [{"occurredAt": "31/12/2025"}, {"t_ms": "12"}, {"t_ms": "²" * 13}])
def test_what_must_be_a_time(values):
    with pytest.raises(RejectedLine, match="not a time"):
        time_of(values)


def test_pairs():
    assert pairs("--map", ["E-mail=email", "a=b=c ", "Notes=", "=x"]) == {
        "E-mail": "email",
        "a=b": "c",
        "Notes": "",
        "": "x",
    }
    assert pairs("--set", ["source=crm", "x=a=b "]) == {"source": "crm", "x": "a=b "}
    for texts in (["email"], ["a=b", "a=c"]):
        with pytest.raises(ImportMistake, match="--map"):
            pairs("--map", texts)
