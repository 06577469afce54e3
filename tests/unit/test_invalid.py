import json

import pytest
from leadrelay.errors import InvalidEvent
from leadrelay.event import MOST_BYTES
from leadrelay.ids import derived_eid
from leadrelay.invalid import is_refused, refused
from leadrelay.queue.message import wire_of
from leadrelay.spool.frame import pack, unpack

WHY = InvalidEvent("eh: expected a whole number")


class Odd:
    def __str__(self):
        raise RuntimeError("secret")


def test_what_has_a_form_is_kept_with_the_reason():
    event = refused({"ti": "signup", "userId": 7, "eh": "tall", "properties": {"x y": "1"}}, "d1", WHY)
    wire = json.loads(event.payload())
    assert wire == {
        "_invalid": "eh: expected a whole number", "ti": "signup", "userId": "7", "eh": "tall", "x y": "1",
        "si": "d1", "eid": event.eid,
    }  # fmt: skip
    assert is_refused(event.payload())
    assert wire_of(event.payload()) is None


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"x", Odd(), "half \ud800", float("nan"), object])
def test_what_has_none_is_named_by_its_type_and_never_raises(value):
    event = refused({"ti": "signup", "x": value}, "d1", RuntimeError("secret"))
    assert json.loads(event.payload())["x"].startswith("<")
    assert b"secret" not in event.payload()


def test_the_id_is_the_one_that_the_call_would_have_got():
    assert refused({"eid": "own-id-1"}, "d1", WHY).eid == "own-id-1"
    assert refused({"idempotency_key": "order-7"}, "d1", WHY).eid == derived_eid("d1", "order-7")
    assert len(refused({"eid": "a b"}, "d1", WHY).eid) == 32


@pytest.mark.parametrize(
    "call",
    [
        {"x": "ü" * MOST_BYTES},
        {f"{'n' * 300}{n}": "ü" * 9000 for n in range(500)},
        {f"{n}{chr(1) * 100}": chr(1) * 9000 for n in range(500)},
        {"si": "d" * 3 * MOST_BYTES},
        {"properties": 7},
        {7: "x"},
    ],
)
def test_whatever_its_size_it_fits_a_frame(call):
    event = refused(call, "", WHY)
    from leadrelay.entry import Entry  # noqa: PLC0415

    entry = Entry(event.eid, "", event.scope(), event.payload())
    assert unpack(pack(1, entry), 0).entry == entry
