import pytest
from leadrelay.errors import InvalidEvent
from leadrelay.trackapi.forms import as_mail_pixel, decode, encode, from_url, of_event, parameters


def test_notes_stay_here_and_plus_survives():
    assert encode({"email": "a+b@c.d", "_ua": "Mozilla", "_ga": "1"}) == "email=a%2Bb%40c.d&_ga=1"


def test_spaces_and_line_breaks_are_encoded():
    assert encode({"Customer ID": "a b\r\n\0&=é"}) == "Customer+ID=a+b%0D%0A%00%26%3D%C3%A9"


@pytest.mark.parametrize(
    ("raw", "pairs", "charset"),
    [
        (b"", (), "utf-8"),
        (b"a=1&a=2&b&c=", (("a", "1"), ("a", "2"), ("b", ""), ("c", "")), "utf-8"),
        (b"n=Zo%C3%AB+x%2By", (("n", "Zoë x+y"),), "utf-8"),
        ("n=Zoë".encode(), (("n", "Zoë"),), "utf-8"),
        (b"n=Zo%EB", (("n", "Zoë"),), "iso-8859-1"),
        (b"n=Zo\xeb", (("n", "Zoë"),), "iso-8859-1"),
        (b"n=Zo%EB&m=%C3%AB", (("n", "Zoë"), ("m", "Ã«")), "iso-8859-1"),
        (b"n=%ED%A0%80", (("n", "í\xa0\x80"),), "iso-8859-1"),
        (b"n=100%&m=%zz", (("n", "100%"), ("m", "%zz")), "utf-8"),
        (b"a=1;b=2", (("a", "1;b=2"),), "utf-8"),
    ],
)
def test_forms_are_read_in_their_charset(raw, pairs, charset):
    form = decode(raw)
    assert (form.pairs, form.charset) == (pairs, charset)


BASE = "https://log.leadboxer.com/?si=d1"


@pytest.mark.parametrize(
    ("url", "wire"),
    [
        (f"{BASE}&ti=Please track me", {"ti": "Please track me"}),
        (f"{BASE}&action=signup&plan=premium", {"action": "signup", "plan": "premium"}),
        (f"{BASE}&sid=1&uid=9&proxy=true&json&callback=cb&pix&_=17", {"sid": "1", "uid": "9", "proxy": "true"}),
        (f"{BASE}&a=1&a=2&b=", {"a": "1", "b": ""}),
        (f"{BASE}&lc=https://x.y/?q=1#top", {"lc": "https://x.y/?q=1"}),
        (f"{BASE}&n=Zo%EB", {"n": "Zoë"}),
        (f"{BASE}&n=Zoë", {"n": "Zoë"}),
        (f"{BASE}&n=Zo\udceb", {"n": "Zoë"}),
        (f"{BASE}&n=Zo".encode() + b"\xeb", {"n": "Zoë"}),
    ],
)
def test_a_track_api_url_gives_its_parameters(url, wire):
    assert from_url(url) == {"si": "d1", **wire}


def test_a_url_without_a_query_gives_nothing():
    assert from_url("https://log.leadboxer.com/#?si=d1") == {}


def test_a_url_that_is_no_text_is_refused_without_its_values():
    with pytest.raises(InvalidEvent, match=r"^url: not valid Unicode") as caught:
        from_url(f"{BASE}&n=secret\ud800")
    assert caught.value.__context__ is None


def test_the_first_of_a_name_counts_the_query_before_the_body():
    assert parameters(b"a=1&a=2&b=%C3%A4", b"a=3&c=%E4&=x&d") == {"a": "1", "b": "ä", "c": "ä", "": "x", "d": ""}
    assert parameters() == parameters(b"") == {}


def test_the_pixel_of_an_e_mail():
    assert as_mail_pixel({"datasetId": "d", "email": "a"}) == {"si": "d", "email": "a", "pix": ""}
    assert as_mail_pixel({"datasetId": "d", "si": "e"}) == {"si": "e", "pix": ""}
    assert as_mail_pixel({}) == {"si": "", "pix": ""}


def test_what_belongs_to_the_event():
    assert of_event({"a": "1", "pix": "", "json": "true", "callback": "f", "_": "1"}) == {"a": "1"}
