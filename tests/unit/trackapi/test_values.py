from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, localcontext
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from uuid import UUID

import pytest
from babel.support import LazyProxy
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.errors import InvalidEvent
from leadrelay.trackapi.values import MOST_DIGITS, to_text

from tests import django_process


class Plan(Enum):
    PRO = "pro"
    NONE = None
    PAIR = (1, 2)


class Seats(IntEnum):
    TEN = 10


class Stage(StrEnum):
    WON = "won"


class Text(str):
    __slots__ = ()

    def __str__(self):
        return "something else"


class Money(Decimal):
    def __format__(self, spec):
        return "something else"


class Model:
    def full_name(self):
        return "x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", ""),
        (" a\r\n\tb\0 ", " a\r\n\tb\0 "),
        (Text("as it is"), "as it is"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-7, "-7"),
        (10**399, "1" + "0" * 399),
        (5.0, "5.0"),
        (99.5, "99.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e22, "1" + "0" * 22),
        (1e-7, "0.0000001"),
        (-0.0, "0.0"),
        (Decimal("9.90"), "9.90"),
        (Decimal("1E+2"), "100"),
        (Decimal("-1E-3"), "-0.001"),
        (Decimal("-0.00"), "0.00"),
        (Money("1.5"), "1.5"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (datetime(2026, 1, 2, 3, 4, 5, 67, timezone(timedelta(hours=2))), "2026-01-02T03:04:05.000067+02:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Plan.PRO, "pro"),
        (Plan.NONE, None),
        (Seats.TEN, "10"),
        (Stage.WON, "won"),
    ],
)
def test_each_type_has_one_text(value, text):
    given_back = to_text("x", value)
    assert given_back == text
    assert type(given_back) in {str, type(None)}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": 1}, "a value of type dict has no form on the wire; pass its parts as properties of their own"),
        ([1], "a value of type list has no form on the wire; join it into one text, or pass properties of their own"),
        ((1,), "a value of type tuple has no form on the wire; join it"),
        ({1}, "a value of type set has no form on the wire; join it"),
        (Plan.PAIR, "a value of type tuple has no form on the wire; join it"),
        (b"x", "a value of type bytes has no form on the wire; decode it to text"),
        (Model(), "a value of type Model has no form on the wire; pass text or a number, such as its id"),
        (Model().full_name, "a value of type method has no form on the wire; pass what it returns"),
        (timedelta(1), "a value of type timedelta has no form on the wire; pass text or a number"),
        (time(1), "a value of type time has no form on the wire; pass text or a number"),
        (Fraction(1, 3), "a value of type Fraction has no form on the wire; pass text or a number"),
        (float("nan"), "not a finite number"),
        (Decimal("sNaN"), "not a finite number"),
        (Decimal("-Infinity"), "not a finite number"),
        (10**400, f"a number of more than {MOST_DIGITS} digits"),
        pytest.param(-(10**5000), f"a number of more than {MOST_DIGITS} digits", id="more than Python writes out"),
        (Decimal("1E+999999999"), f"a number of more than {MOST_DIGITS} digits"),
        (Decimal("1E-999999999"), f"a number of more than {MOST_DIGITS} digits"),
        (datetime(2026, 1, 2), "a time without a time zone; use an aware datetime"),  # noqa: DTZ001 - the example
        ("\ud800", "not valid Unicode (half of a surrogate pair)"),
    ],
)
def test_what_has_no_text_is_refused_by_name_with_a_hint(value, said):
    with pytest.raises(InvalidEvent) as caught:
        to_text("plan", value)
    assert str(caught.value).startswith(f"plan: {said}")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_as_itself_and_has_no_exponent(value):
    text = to_text("x", value)
    assert float(text) == value
    assert set(text) <= set("-.0123456789")
    assert not text.startswith("-0") or value < 0


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**300), max_value=10**300, places=6))
def test_a_decimal_keeps_its_value_and_places_whatever_the_context(value):
    with localcontext() as context:
        context.prec = 3
        text = to_text("x", value)
    assert (Decimal(text), len(text.partition(".")[2])) == (value, 6)


def test_lazy_texts_of_django_and_babel():
    django_process.set_up()
    assert to_text("x", gettext_lazy("Signed up")) == "Signed up"
    assert to_text("x", lazystr(mark_safe("Signed up"))) == "Signed up"
    assert to_text("x", mark_safe("Signed up")) == "Signed up"
    assert to_text("x", LazyProxy(lambda: "Signed up")) == "Signed up"


def test_a_lazy_text_that_fails_is_refused_without_what_it_said():
    def translate():
        raise LookupError("secret")

    with pytest.raises(InvalidEvent) as caught:
        to_text("x", LazyProxy(translate, enable_cache=False))
    assert str(caught.value) == "x: a lazy text that cannot be read here (LookupError); pass str() of it"
    assert caught.value.__context__ is None
