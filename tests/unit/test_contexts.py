import asyncio
import contextvars
import threading

import leadrelay
import pytest
from leadrelay import tracking
from leadrelay.client import Client
from leadrelay.contexts import alone, completed
from leadrelay.errors import InvalidEvent
from leadrelay.settings import Settings

current = leadrelay.context.current
VISITOR = {"ip": "198.51.100.7", "user_agent": "Mozilla", "lc": "https://shop.example.com/", "locale": "nl"}
#: What a request with the vendor's cookies tells.
REQUEST = {**VISITOR, "uid": "a.1", "sid": "s.1"}


def made(**call):
    return dict(Client(Settings(dataset_id="d1", mode="off"), None).in_context("t", call).wire)


def told(outer, **call):
    """Give the context's part of an event."""
    with leadrelay.context(**outer):
        options, named = completed({}, call)
    return {name: value for name, value in {**named, **options}.items() if name not in call}


def test_nothing_applies_by_default():
    assert current() == {}
    assert completed({"lane": "x"}, {"plan": "pro"}) == ({"lane": "x"}, {"plan": "pro"})


def test_it_applies_to_events_of_the_block_and_ends_with_it():
    with leadrelay.context(userId="42", properties={"Customer ID": 7}, user_agent="Mozilla", ip="192.0.2.4"):
        wire = made(plan="pro")
    said = {"userId": "42", "Customer ID": "7", "_ua": "Mozilla", "ip": "192.0.2.4", "plan": "pro"}
    assert wire.items() >= said.items()
    assert "proxy" not in wire
    assert current() == {}


def test_every_way_in_takes_it(monkeypatch):
    made = []
    here = Client(Settings(dataset_id="d1", mode="off"), None)

    def put(events):
        made.extend(events)

    async def aput(events):
        made.extend(events)

    monkeypatch.setattr(tracking, "client", lambda: here)
    monkeypatch.setattr(tracking, "_put", lambda _, events: put(events))
    monkeypatch.setattr(tracking, "_aput", lambda _, events: aput(events))
    with leadrelay.context(userId="42"):
        leadrelay.track_event("t")
        leadrelay.track_many([{"ti": "t"}])
        leadrelay.track_url("https://log.leadboxer.com/?ti=t")
        leadrelay.update_user(plan="pro")
        asyncio.run(leadrelay.atrack_event("t"))
        asyncio.run(leadrelay.atrack_many([{"ti": "t"}]))
    assert [event.wire["userId"] for event in made] == ["42"] * 6


def test_an_event_that_there_is_already_takes_nothing_of_it():
    with leadrelay.context(userId="42"):
        assert "userId" not in Client(Settings(dataset_id="d1", mode="off"), None).make("t", {}).wire


def test_the_dataset_of_the_context_is_before_that_of_the_settings():
    with leadrelay.context(si="d2"):
        assert made()["si"] == "d2"
        assert made(si="d3")["si"] == "d3"


def test_the_call_wins_over_the_inner_over_the_outer():
    with leadrelay.context(plan="outer", campaign="outer", x="outer"):
        with leadrelay.context(plan="inner", campaign="inner"):
            assert made(plan="call").items() >= {"plan": "call", "campaign": "inner", "x": "outer"}.items()
        assert current() == {"plan": "outer", "campaign": "outer", "x": "outer"}


def test_it_ends_with_an_error_too():
    with pytest.raises(LookupError), leadrelay.context(plan="pro"):
        raise LookupError
    assert current() == {}


def test_one_context_can_be_used_again_and_inside_itself():
    shop = leadrelay.context(shop="nl")
    for _ in range(2):
        with shop, shop:
            assert current() == {"shop": "nl"}
        assert current() == {}


@pytest.mark.parametrize("wire", [{"eid": "own-id-1"}, {"ti": "x"}, {"properties": {"idempotency_key": "k"}}])
def test_what_belongs_to_one_event_is_refused(wire):
    with pytest.raises(InvalidEvent, match="belongs to one event"):
        leadrelay.context(**wire)


def test_a_name_comes_once():
    with pytest.raises(InvalidEvent, match="plan: given twice"):
        leadrelay.context(plan="pro", properties={"plan": "free"})


def test_a_function_is_asked_when_an_event_is_tracked():
    asked = []

    def source():
        asked.append(1)
        return {"userId": str(len(asked))}

    with alone(source):
        assert asked == []
        assert [made()["userId"], made()["userId"]] == ["1", "2"]


def test_where_the_work_of_one_person_begins_nothing_else_applies():
    with leadrelay.context(userId="41", campaign="spring"):
        with alone({"userId": "42"}):
            leadrelay.context(plan="pro").__enter__()  # and is never left
            assert current() == {"userId": "42", "plan": "pro"}
        assert current() == {"userId": "41", "campaign": "spring"}
        with alone():
            assert current() == {}


# Who it is about ------------------------------------------------------------------------------------------------------


def test_a_call_that_names_nobody_is_about_the_visitor():
    assert told(REQUEST) == REQUEST
    assert told(REQUEST, plan="pro") == REQUEST


@pytest.mark.parametrize("who", [{"userId": "42"}, {"email": "ann@example.com"}])
def test_a_person_that_the_context_does_not_know_gets_no_id_of_its_visitor(who):
    assert told(REQUEST, **who) == VISITOR


@pytest.mark.parametrize("lane", [{"lane": "x"}, {"lane": False}])
def test_the_order_of_one_person_is_not_taken_for_another(lane):
    assert told({**lane, "userId": "41"}, userId="42") == {}
    assert told({**lane, "userId": "42"}, userId="42") == lane


@pytest.mark.parametrize(
    ("known", "who"),
    [
        ({"userId": "42"}, {"userId": "42"}),
        ({"userId": 42}, {"userId": "42"}),
        ({"email": "Ann@Example.com "}, {"email": "ann@example.com"}),
        ({"userId": "42", "email": "old@example.com"}, {"userId": "42", "email": "new@example.com"}),
    ],
)
def test_the_same_person_is_stitched_to_the_browsers_user(known, who):
    assert told({**REQUEST, **known}, **who).items() >= REQUEST.items()


def test_the_id_in_otui_is_a_user_id():
    assert told({**VISITOR, "uid": "1.a", "userId": "42"}, otui="a.1") == {**VISITOR, "uid": "1.a", "userId": "42"}
    assert told({**VISITOR, "otui": "a.1"}, uid="1.b") == {}


@pytest.mark.parametrize(
    ("known", "who"),
    [
        ({"userId": "41"}, {"userId": "42"}),
        ({"userId": "41", "email": "ann@example.com"}, {"userId": "42", "email": "ann@example.com"}),
        ({}, {"uid": "b.2"}),
        ({}, {"sid": "s.2"}),
        ({"userId": "42"}, {"uid": "b.2", "userId": "42"}),
    ],
)
def test_nothing_of_a_visitor_goes_to_somebody_else(known, who):
    assert told({**REQUEST, **known, "campaign": "spring"}, **who) == {"campaign": "spring"}


def test_contexts_inside_each_other_keep_people_apart_too():
    with leadrelay.context(**REQUEST, userId="41", campaign="spring"), leadrelay.context(userId="42"):
        assert current() == {"userId": "42", "campaign": "spring"}
    with leadrelay.context(**REQUEST, userId="42"), leadrelay.context(userId="42"):
        assert current() == {**REQUEST, "userId": "42"}


@pytest.mark.parametrize("proxy", [True, "true", 1])
def test_what_the_visitor_is_not_the_source_of_takes_nothing_of_the_visitor(proxy):
    assert told(REQUEST, proxy=proxy) == {"uid": "a.1", "sid": "s.1"}
    with leadrelay.context(**REQUEST), leadrelay.context(proxy=proxy):
        assert current() == {"proxy": proxy, "uid": "a.1", "sid": "s.1"}


@pytest.mark.parametrize("proxy", [False, "auto", "false"])
def test_what_the_visitor_may_be_the_source_of_takes_it(proxy):
    assert told(REQUEST, proxy=proxy) == REQUEST


def test_who_is_named_by_an_empty_text_is_nobody():
    assert told(REQUEST, userId="", email=None) == REQUEST


# Where it applies -----------------------------------------------------------------------------------------------------


def test_a_function_runs_inside_it():
    @leadrelay.context(job="sync")
    def inside(number):
        return number, current()

    assert inside(7) == (7, {"job": "sync"})
    assert (inside.__name__, current()) == ("inside", {})


def test_a_generator_is_refused():
    def numbers():
        yield 1

    async def later():
        yield 1

    for function in (numbers, later):
        with pytest.raises(TypeError, match=f"{function.__name__} is a generator"):
            leadrelay.context(job="sync")(function)


def test_tasks_inherit_it_and_do_not_see_each_others():
    @leadrelay.context(job="async")
    async def inside(number, both):
        with leadrelay.context(number=number):
            await both.wait()
            await asyncio.sleep(0)
            return current(), (await asyncio.create_task(later())), await asyncio.to_thread(current)

    async def later():
        return current()

    async def main():
        both = asyncio.Barrier(3)
        with leadrelay.context(shop="nl"):
            return await asyncio.gather(*(inside(number, both) for number in range(3)))

    assert asyncio.run(main()) == [({"shop": "nl", "job": "async", "number": number},) * 3 for number in range(3)]


def test_threads_begin_without_it_unless_they_run_in_a_copy():
    seen = {}
    with leadrelay.context(shop="nl"):
        copy = contextvars.copy_context()
        for name, run in (("bare", lambda look: look()), ("copy", copy.run)):
            thread = threading.Thread(target=run, args=(lambda name=name: seen.__setitem__(name, current()),))
            thread.start()
            thread.join(10)
    assert seen == {"bare": {}, "copy": {"shop": "nl"}}


def test_leaving_it_elsewhere_changes_nothing_there():
    shop = leadrelay.context(shop="nl")
    with shop:
        elsewhere = contextvars.Context()
        assert elsewhere.run(lambda: (shop.__exit__(), current())) == (None, {})
        assert current() == {"shop": "nl"}
