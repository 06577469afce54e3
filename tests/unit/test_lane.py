import pytest
from leadrelay.event import Event
from leadrelay.lane import lane_of, names_nobody, scope_of


@pytest.mark.parametrize(
    ("wire", "same_as"),
    [
        ({"uid": "u", "userId": "x"}, {"uid": "u"}),
        ({"otui": "123.456.1.1", "email": "a@b.c"}, {"uid": "456.123"}),
        ({"userId": " 7 "}, {"userId": "7"}),
        ({"email": " A@B.c "}, {"email": "a@b.c"}),
        ({"uid": "", "sid": "s"}, {"sid": "s"}),
    ],
)
def test_the_first_filled_identity_is_the_lane(wire, same_as):
    assert lane_of({"si": "d", **wire}, "k") == lane_of({"si": "d", **same_as}, "k")


@pytest.mark.parametrize(
    "value",
    ["0", "-1", "NULL", " none ", "undefined", "Anonymous", "guest", "unknown", "n/a", "NaN", "noreply@shop.example"],
)
@pytest.mark.parametrize("name", ["uid", "userId", "email", "sid"])
def test_a_placeholder_names_nobody(name, value):
    assert lane_of({"si": "d", name: value}, "k") == ""
    assert lane_of({"si": "d", "uid": value, "sid": "s1"}, "k") == lane_of({"si": "d", "sid": "s1"}, "k")


@pytest.mark.parametrize("value", ["10", "nora", "a@b.c", "no@reply.example", "guest7", "unknown@b.c", "00"])
def test_a_real_id_is_no_placeholder(value):
    assert not names_nobody(value)


def test_more_placeholders_can_be_named():
    wire = {"si": "d", "userId": "Kiosk", "email": "a@b.c"}
    assert lane_of(wire, "k", placeholders=frozenset({"kiosk"})) == lane_of({"si": "d", "email": "a@b.c"}, "k")
    assert names_nobody("shop@b.c", frozenset({"shop@b.c"}))


def test_a_lane_by_name_comes_first_and_false_is_none():
    def lane(**options):
        return Event.create("t", eid="0" * 32, si="d", uid="u", **options).lane("k")

    assert lane() == lane(lane=True) == lane(lane=None)
    assert lane(lane="order-7") == lane(lane="order-7", userId="x") != lane()
    assert lane(lane="0") != "", "what a caller names on purpose is taken as it is"
    assert lane(lane=False) == lane(lane="false") == lane(lane="") == ""
    assert lane(lane="true") == lane()


def test_nobody_named_is_no_lane():
    assert lane_of({"si": "d", "ti": "x", "userId": " "}, "k") == ""


def test_dataset_and_secret_are_part_of_it():
    assert len({lane_of({"si": si, "uid": "u"}, key) for si in "ab" for key in ("k", "l")}) == 4


def test_the_identity_cannot_be_read():
    lane = lane_of({"si": "d", "email": "a@b.c"}, "k")
    assert len(lane) == 16
    assert "a@b" not in lane


def test_scopes_tell_datasets_apart():
    assert scope_of({"si": "a"}) != scope_of({"si": "b"})
