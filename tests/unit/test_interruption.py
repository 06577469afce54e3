import functools
import signal

import pytest
from django.utils.functional import lazy
from leadrelay import modes
from leadrelay.client import Client
from leadrelay.contrib.visitor import told
from leadrelay.hook import Hook
from leadrelay.interruption import let_through
from leadrelay.settings import Settings


class TooLong(Exception):
    """What a handler raises; Celery's SoftTimeLimitExceeded is an Exception too."""


def raises(signum, frame):
    raise TooLong


def deeper(signum, frame):
    raises(signum, None)


def anything(*given):
    raise TooLong


class Limit:
    def method(self, signum, frame):
        raise TooLong

    def __call__(self, signum, frame):
        raise TooLong


@pytest.fixture
def handle():
    """Let a function handle SIGALRM."""
    before = signal.getsignal(signal.SIGALRM)
    yield functools.partial(signal.signal, signal.SIGALRM)
    signal.signal(signal.SIGALRM, before)


def alarm(*_):
    signal.raise_signal(signal.SIGALRM)


def swallow(call):
    try:
        call()
    except Exception as error:  # noqa: BLE001 - as our code does
        let_through(error)


HANDLERS = [raises, deeper, anything, Limit().method, Limit(), functools.partial(anything, "job")]


@pytest.mark.parametrize("handler", HANDLERS)
def test_what_a_handler_raises_is_let_through(handle, handler):
    handle(handler)
    with pytest.raises(TooLong):
        swallow(alarm)


def test_a_handler_that_has_given_the_signal_back_is_known_too(handle):
    def once(signum, frame):
        handle(signal.SIG_IGN)
        raise TooLong

    handle(once)
    with pytest.raises(TooLong):
        swallow(alarm)


@pytest.mark.parametrize("known", [True, False], ids=["from", "from None"])
def test_what_a_library_made_of_it_is_taken_back(handle, known):
    def library():
        try:
            alarm()
        except TooLong as error:
            raise ConnectionError("timed out") from error if known else None

    handle(raises)
    with pytest.raises(TooLong):
        swallow(library)


def fail():
    raise LookupError


def fail_with_a_frame(frame=None):
    raise LookupError


@pytest.mark.parametrize("fails", [fail, fail_with_a_frame, functools.partial(fail_with_a_frame, "frame")])
def test_other_errors_stay(fails):
    swallow(fails)


def test_what_the_application_handles_already_stays(handle):
    handle(raises)
    try:
        alarm()
    except TooLong:
        swallow(fail)


def test_a_ring_of_causes_ends():
    first, second = LookupError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    let_through(first)


# Where a call runs code that may take long ----------------------------------------------------------------------------


def test_neither_a_hook_nor_identify_nor_a_value_keeps_it(handle):
    handle(raises)
    client = Client(Settings(dataset_id="d1", mode="off"))
    event = client.make("t", {})
    text = lazy(alarm, str)()
    for call in (
        lambda: Hook(alarm, client.make)(event),
        lambda: told("identify", alarm),
        lambda: client.refused({"ti": "t", "x": text}, ValueError()),
        lambda: client.make("t", {"x": text}),
    ):
        with pytest.raises(TooLong):
            call()


@pytest.mark.parametrize(("handler", "error"), [(raises, TooLong), (signal.default_int_handler, KeyboardInterrupt)])
def test_an_event_that_a_handler_kept_from_being_sent_is_counted(handle, caplog, monkeypatch, handler, error):
    handle(handler)
    client = Client(Settings(dataset_id="d1", mode="inline"))
    monkeypatch.setitem(modes.MODES, "inline", alarm)
    with pytest.raises(error):
        client.accept([client.make("t", {})])
    assert f"1 events were not sent: {error.__name__}" in caplog.text
