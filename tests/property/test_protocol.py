"""The protocol for any event: what goes in comes out at the other end, and what is refused is never repeated."""

import json
import logging
import traceback
from datetime import timedelta, timezone
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from leadrelay import event as event_module
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent
from leadrelay.event import MOST_BYTES, MOST_PROPERTIES, Event
from leadrelay.settings import Settings
from leadrelay.trackapi.forms import NOTES, decode, encode, from_url
from leadrelay.trackapi.parameters import ANSWER_FORMS, CACHE_BUSTER, PARAMETERS, STRICT
from leadrelay.trackapi.values import to_text
from leadrelay_worker.delivery.attempt import _request
from leadrelay_worker.delivery.destination import Destination

RESERVED = ANSWER_FORMS | NOTES | STRICT | {CACHE_BUSTER}
PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
names = (st.text(PRINTABLE, min_size=1, max_size=100) | st.sampled_from(sorted(PARAMETERS))).filter(
    lambda name: name.strip() and name not in RESERVED
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
values = st.one_of(
    texts,
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30),
    st.datetimes(timezones=zones),
    st.dates(),
    st.uuids(),
)
titles = texts.filter(str.strip)
quick = settings(deadline=None, suppress_health_check=list(HealthCheck))


def made(title, properties, **options):
    return Event.create(title, eid="0" * 32, si="d1", properties=properties, **options)


def sent(event):
    """Give the bytes that a worker sends for an event, in a query and in a body."""
    form, agent, *_ = _request(event.payload())
    queried = Destination("http://localhost", method="GET")._request(form, agent)
    posted = Destination("http://localhost")._request(form, agent)
    return urlsplit(f"http://localhost{queried.path_url}").query.encode(), posted.body


@quick
@given(titles, st.dictionaries(names, values, max_size=12), texts)
def test_what_is_tracked_is_what_arrives_in_both_methods(title, properties, agent):
    event = made(title, properties, proxy=False, user_agent=agent)
    expected = {"si": "d1", "ti": title, "eid": "0" * 32}
    expected |= {name: to_text(name, value) for name, value in properties.items() if value is not None}
    for raw in sent(event):
        form = decode(raw)
        assert (dict(form.pairs), form.charset, len(form.pairs)) == (expected, "utf-8", len(expected))


@quick
@given(st.dictionaries(names, texts, max_size=12))
def test_a_url_gives_back_what_was_encoded_in_it(wire):
    assert from_url(f"https://log.leadboxer.com/?{encode(wire)}#{encode(wire)}") == wire


@quick
@given(st.dictionaries(names, st.text(st.characters(max_codepoint=0xFF), max_size=50), max_size=5))
def test_a_form_in_latin_1_is_read_as_such_unless_it_could_be_utf_8(wire):
    raw = "&".join(f"{encode({name: ''})}{_percent(value)}" for name, value in wire.items()).encode()
    form = decode(raw)
    joined = "".join(wire.values())
    try:
        joined.encode("latin-1").decode()
    except UnicodeDecodeError:
        assert (dict(form.pairs), form.charset) == (wire, "iso-8859-1")


def _percent(text):
    return "".join(f"%{byte:02X}" for byte in text.encode("latin-1"))


@quick
@given(st.binary(max_size=300))
def test_any_bytes_are_a_form(raw):
    form = decode(raw)
    assert all(isinstance(text, str) for pair in form.pairs for text in pair)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@quick
@given(
    st.binary(max_size=100)
    | json_values.map(lambda value: json.dumps(value).encode())
    | json_values.map(lambda value: json.dumps({"si": "d1", "x": value}).encode())
)
def test_any_payload_is_an_event_or_none_and_never_an_error(payload):
    request = _request(payload)
    assert request is None or dict(decode(request[0].encode()).pairs)["si"]


@pytest.mark.parametrize(
    "payload", [b"[" * 100_000, b'{"si":' * 100_000, b'{"si":"d","x":"\\ud800"}', b'{"si":"d","x":1}']
)
def test_payloads_that_would_upset_a_reader_are_none(payload):
    assert _request(payload) is None


SECRET = "s3cr3t-ann@example.com"


class Model:
    def __repr__(self):
        return SECRET

    __str__ = __repr__


secrets = st.sampled_from([SECRET, f"a {SECRET} b"])
unfit = st.one_of(
    secrets.map(lambda text: [text]),
    secrets.map(lambda text: {text: text}),
    secrets.map(lambda text: (1, text)),
    secrets.map(str.encode),
    secrets.map(ValueError),
    secrets.map(lambda text: f"{text}\ud800"),
    secrets.map(lambda text: text * (MOST_BYTES // len(SECRET))),
    st.builds(Model),
)
custom = names.filter(lambda name: name not in PARAMETERS)
illegal = st.one_of(
    st.tuples(names, unfit).map(lambda pair: {"properties": {pair[0]: pair[1]}}),
    st.tuples(custom, secrets).map(lambda pair: {pair[0]: pair[1], "properties": {pair[0]: pair[1]}}),
    st.tuples(st.text(min_size=1).filter(lambda name: not name.isascii()), secrets).map(
        lambda pair: {"properties": {pair[0]: pair[1]}}
    ),
    st.tuples(st.integers(101, 500), secrets).map(lambda pair: {"properties": {"n" * pair[0]: pair[1]}}),
    st.tuples(st.integers(MOST_PROPERTIES, 400), secrets).map(
        lambda pair: {"properties": {f"n{n}": pair[1] for n in range(pair[0])}}
    ),
    secrets.map(lambda text: {"properties": [text]}),
    secrets.map(lambda text: {"properties": {"json": text}}),
    secrets.map(lambda text: {"properties": {"_ua": text}}),
    secrets.map(lambda text: {"eid": f"{text} 1"}),
    secrets.map(lambda text: {"proxy": text}),
    secrets.map(lambda text: {"user_agent": text.encode()}),
    secrets.map(lambda text: {"lane": [text]}),
    secrets.map(lambda text: {"idempotency_key": [text]}),
    secrets.map(lambda text: {"idempotency_key": text, "eid": text}),
    secrets.map(lambda text: {"si": [text]}),
    secrets.map(lambda text: {"ti": text}),
)


@quick
@given(illegal, st.dictionaries(custom, secrets, max_size=3))
def test_what_is_refused_is_named_and_never_repeated(caplog, wire, more):
    properties = wire.get("properties")
    if isinstance(properties, dict):
        wire = {**wire, "properties": {**more, **properties}}
    caplog.clear()
    with pytest.raises(InvalidEvent) as caught:
        Client(Settings(dataset_id="d1"), None).make("signup", wire)
    error = caught.value
    said = "".join([str(error), repr(error), *traceback.format_exception(error), caplog.text])
    assert SECRET not in said
    assert error.__context__ is None
    assert 0 < len(str(error)) < 300


@quick
@given(st.dictionaries(custom | st.sampled_from(["user_id", "ip", "email", "lc", "sw", "otr"]), secrets, max_size=6))
def test_what_is_odd_is_reported_without_its_value(caplog, wire):
    event_module._reported.clear()
    with caplog.at_level(logging.DEBUG):
        here = Client(Settings(dataset_id="d1"), None)
        event = here.make("signup", {"properties": wire, "user_agent": SECRET})
    assert SECRET not in caplog.text + repr(event) + str(event) + repr(here.entry(event)) + repr(here.settings)
