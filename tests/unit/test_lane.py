import pytest
from leadrelay.lane import lane_of, scope_of


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
