"""The outbox, in both frameworks on both databases."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Thread

import leadrelay
import pytest
from leadrelay import tracking
from leadrelay.contrib.outbox import horizon
from leadrelay.contrib.outbox.command import sender_of
from leadrelay.contrib.outbox.loop import OutboxUnavailable, Watch, relay_until
from leadrelay.errors import BrokerUnavailable, InvalidEvent
from leadrelay.hook import Drop
from leadrelay.invalid import is_refused
from leadrelay.queue.books import read_books
from leadrelay.settings import Settings

from tests.chaos.processes import until
from tests.integration.transactions.conftest import drain


def write(writers, *titles, **wire):
    writer = writers()
    writer.begin()
    eids = [writer.track(title, **wire) for title in titles]
    writer.commit()
    return eids


def test_a_committed_event_is_the_one_that_track_event_would_have_sent(framework, writers, accepted):
    (eid,) = write(writers, "invoice_paid", userId="7", properties={"Customer ID": "é\x00"})
    assert accepted.messages() == []
    assert drain(accepted.relay(framework)) == 1
    leadrelay.track_event("invoice_paid", userId="7", properties={"Customer ID": "é\x00"})
    outbox, direct = accepted.messages()
    assert outbox.eid == eid
    assert (outbox.lane, outbox.scope, outbox.label) == (direct.lane, direct.scope, direct.label)
    assert json.loads(outbox.payload) == json.loads(direct.payload) | {"eid": eid}
    assert framework.store().waiting() == 0


def test_what_is_rolled_back_sends_nothing(framework, writers, accepted):
    writer = writers()
    writer.begin()
    writer.track("rolled back")
    writer.rollback()
    writer.begin()
    writer.track("kept")
    writer.begin()
    writer.track("to a savepoint")
    writer.rollback()
    writer.begin()
    writer.track("released")
    writer.commit()
    writer.track("kept too")
    assert drain(accepted.relay(framework)) == 0
    writer.commit()
    drain(accepted.relay(framework))
    assert accepted.titles() == ["kept", "released", "kept too"]


def test_rows_move_in_batches_in_order(framework, writers, accepted):
    titles = [f"n{number}" for number in range(1203)]
    write(writers, *titles, userId="7")
    assert drain(accepted.relay(framework)) == 1203
    assert accepted.titles() == titles
    assert read_books(accepted.queue).accepted == 1203


def test_a_batch_is_bounded_in_bytes(framework, writers, accepted):
    write(writers, *(f"n{number}" for number in range(40)), text="x" * 60_000)
    relay = accepted.relay(framework)
    relay.step()
    assert relay.step().moved == 16
    assert drain(relay) == 24


def test_rows_wait_while_the_broker_is_away(framework, writers, accepted, monkeypatch):
    monkeypatch.setenv("LEADRELAY_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(tracking, "_client", None)
    write(writers, "a", "b")
    relay, there = accepted.relay(framework), accepted.sender
    relay._sender = sender_of(Settings.load(), start=False)
    with pytest.raises(BrokerUnavailable):
        drain(relay)
    assert framework.store().waiting() == 2
    relay._sender = there
    drain(relay)
    assert accepted.titles() == ["a", "b"]


def test_the_loop_waits_for_a_broker_and_says_so(framework, writers, accepted, monkeypatch):
    write(writers, "a")
    stop, said = Event(), []
    relay, there = accepted.relay(framework), accepted.sender.enqueue
    refused = BrokerUnavailable("away")

    def sometimes(*args, **kwargs):
        if "away" not in said:
            raise refused
        return there(*args, **kwargs)

    def moved(rows):
        if rows:
            stop.set()

    monkeypatch.setattr(accepted.sender, "enqueue", sometimes)
    relay_until(relay, stop, Watch(moved, said.append))
    assert [text for text in said if text] == ["away"]
    assert accepted.titles() == ["a"]


@pytest.mark.parametrize("payload", ["no event", "", "[]", '{"ti":"no dataset"}', '{"si":"d","n":1}'])
def test_a_row_that_is_no_event_stops_no_others(framework, writers, accepted, payload):
    write(writers, "before")
    framework.execute(
        "INSERT INTO leadrelay_outbox (eid, lane, payload, written_at)"
        f" VALUES ('not an id', 'not a lane', '{payload}', CURRENT_TIMESTAMP)"
    )
    write(writers, "after")
    assert drain(accepted.relay(framework)) == 3
    first, broken, last = accepted.messages()
    assert [json.loads(message.payload)["ti"] for message in (first, last)] == ["before", "after"]
    assert broken.payload == payload.encode()
    assert broken.lane == ""


def test_one_relay_at_a_time(framework, writers, accepted):
    write(writers, "a")
    one, other = framework.store(), accepted.relay(framework)
    with one.turn() as turn:
        assert turn is not None
        steps = []
        thread = Thread(target=lambda: (steps.append(other.step()), framework.close()))
        thread.start()
        thread.join(60)
        assert steps[0].standby
    assert drain(other) == 1


@pytest.mark.parametrize("forgets", [False, True])
def test_a_batch_that_was_accepted_and_not_deleted_is_recognised(framework, writers, accepted, forgets):
    """As after a kill in between, and as many other events later as you like."""
    write(writers, "a", "b")
    relay = accepted.relay(framework)
    relay.step()
    with framework.store().turn() as turn:
        relay._send(turn, turn.noted())
    write(writers, "c")
    if forgets:
        accepted.forget_eids()
    assert drain(accepted.relay(framework)) == 3
    assert accepted.titles() == ["a", "b", "c"]


def test_the_relays_row_is_made_again_when_tests_empty_the_tables(framework, writers, accepted):
    relay = accepted.relay(framework)
    write(writers, "a")
    drain(relay)
    framework.execute("DELETE FROM leadrelay_outbox_relay")
    write(writers, "b")
    assert until(lambda: drain(relay), "the row is made again") == 1
    assert accepted.titles() == ["a", "b"]


def test_in_another_mode_no_row_is_written(framework, writers, accepted, monkeypatch):
    monkeypatch.setenv("LEADRELAY_MODE", "off")
    monkeypatch.setattr(tracking, "_client", None)
    assert write(writers, "a")[0]
    assert framework.store().waiting() == 0


def test_a_wrong_event_becomes_a_dead_letter_unless_strict(framework, writers, accepted, monkeypatch):
    writer = writers()
    writer.begin()
    with pytest.raises(InvalidEvent):
        writer.track("a", pix="1")
    monkeypatch.setenv("LEADRELAY_STRICT", "false")
    monkeypatch.setattr(tracking, "_client", None)
    eid = writer.track("b", pix="1")
    writer.commit()
    drain(accepted.relay(framework))
    (message,) = accepted.messages()
    assert message.eid == eid
    assert is_refused(message.payload)


def test_the_hook_decides_before_the_row_is_written(framework, writers, accepted, monkeypatch):
    def hook(wire):
        return Drop("not wanted") if wire["ti"] == "left out" else None

    monkeypatch.setitem(tracking._configured, "before_track", hook)
    monkeypatch.setattr(tracking, "_client", None)
    write(writers, "left out", "kept")
    assert framework.store().waiting() == 1


def test_a_relay_in_a_thread(framework, writers, accepted):
    end = framework.start_relay()
    try:
        write(writers, "a")
        until(accepted.titles, "the thread relays")
    finally:
        end()


def test_a_database_without_the_table_is_said(framework, accepted):
    framework.execute("DROP TABLE leadrelay_outbox")
    with pytest.raises(OutboxUnavailable, match="migrated"):
        relay_until(accepted.relay(framework), Event(), Watch())


class TestOrder:
    """Commits that interleave; SQLite has one writer at a time."""

    @pytest.fixture(params=["postgresql"])
    def url(self, postgres):
        return postgres.url(postgres.fresh())

    @pytest.mark.parametrize("ending", ["commit", "rollback"])
    def test_a_row_waits_for_an_earlier_one_whose_transaction_is_under_way(self, framework, writers, accepted, ending):
        first, second = writers(), writers()
        first.begin()
        first.track("first", userId="7")
        second.begin()
        second.track("second", userId="7")
        second.commit()
        relay = accepted.relay(framework)
        assert drain(relay) == 0
        assert relay.step().behind
        getattr(first, ending)()
        drain(relay)
        assert accepted.titles() == (["first", "second"] if ending == "commit" else ["second"])

    def test_a_savepoint_that_is_rolled_back_does_not_let_go_of_its_transaction(self, framework, writers, accepted):
        first, second = writers(), writers()
        first.begin()
        first.track("first", userId="7")
        first.begin()
        first.track("never", userId="7")
        first.rollback()
        second.begin()
        second.track("second", userId="7")
        second.commit()
        relay = accepted.relay(framework)
        assert drain(relay) == 0
        first.commit()
        drain(relay)
        assert accepted.titles() == ["first", "second"]

    def test_newcomers_hold_nothing_up(self, framework, writers, accepted):
        first, second, third = writers(), writers(), writers()
        first.begin()
        first.track("first")
        write(writers, "second")
        relay = accepted.relay(framework)
        assert drain(relay) == 0
        third.begin()
        third.track("third")
        first.commit()
        second.begin()
        second.track("fourth")
        second.commit()
        drain(relay)
        assert accepted.titles() == ["first", "second"]
        third.commit()
        drain(relay)
        assert accepted.titles() == ["first", "second", "third", "fourth"]

    def test_a_transaction_that_takes_too_long_is_waited_for_no_longer(self, framework, writers, accepted, monkeypatch):
        monkeypatch.setattr(horizon, "PATIENCE_S", 0.2)
        first = writers()
        first.begin()
        first.track("first")
        write(writers, "second")
        relay = accepted.relay(framework)
        until(lambda: drain(relay), "patience ends")
        write(writers, "third")
        assert drain(relay) == 1
        first.commit()
        drain(relay)
        assert accepted.titles() == ["second", "third", "first"]

    def test_a_relay_in_repeatable_read_sees_what_has_ended(self, postgres, framework, writers, accepted):
        framework.execute("ALTER ROLE postgres SET default_transaction_isolation TO 'repeatable read'")
        try:
            framework.close()
            self.test_newcomers_hold_nothing_up(framework, writers, accepted)
        finally:
            framework.execute("ALTER ROLE postgres RESET default_transaction_isolation")

    def test_a_relay_whose_connections_are_cut_goes_on(self, framework, writers, accepted):
        cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid != pg_backend_pid()"
        end = framework.start_relay()
        try:
            write(writers, "a")
            until(accepted.titles, "it relays")
            framework.execute(f"{cut} AND datname = current_database()")
            write(writers, "b")
            assert until(lambda: accepted.titles()[1:], "it goes on") == ["b"]
        finally:
            end()

    def test_writers_at_once_keep_the_order_of_each_lane(self, framework, writers, accepted):
        """Rows of one user are written under a lock on that user, as applications do, or their order is nobody's."""
        framework.execute("CREATE TABLE users (id int PRIMARY KEY, n int NOT NULL)")
        framework.execute("INSERT INTO users SELECT i, 0 FROM generate_series(0, 3) AS i")
        relays = [framework.start_relay() for _ in range(2)]
        try:
            threads = [Thread(target=self._writes, args=(framework, number)) for number in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(300)
            until(lambda: framework.store().waiting() == 0, "everything is relayed", 120)
        finally:
            for end in relays:
                end()
        lanes = {}
        for message in accepted.messages():
            event = json.loads(message.payload)
            lanes.setdefault(event["userId"], []).append(int(event["n"]))
        assert {user: sorted(seen) == seen for user, seen in lanes.items()} == dict.fromkeys(lanes, True)
        assert sum(map(len, lanes.values())) == 6 * 25 - 6 * 5

    def _writes(self, framework, number):
        import random  # noqa: PLC0415 - used here alone

        dice = random.Random(number)
        for turn in range(25):
            writer = framework.writer()
            user = dice.randrange(4)
            writer.begin()
            n = writer.fetch(f"UPDATE users SET n = n + 1 WHERE id = {user} RETURNING n")
            writer.track("e", userId=str(user), n=n)
            time.sleep(dice.random() * 0.02)
            if turn % 5 == 4:
                writer.rollback()
            else:
                writer.commit()
            writer.close()


def command(framework_name, url, *options, **env):
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd()), **env}
    if framework_name == "django":
        environ |= {"DJANGO_SETTINGS_MODULE": "tests.integration.transactions.django_settings", "TEST_DATABASE": url}
        line = [sys.executable, "-m", "django", "leadrelay_outbox", *options]
    else:
        line = [sys.executable, "-m", "leadrelay", "outbox", "--url", url, *options]
    return line, environ


def name_of(framework):
    return type(framework).__name__.lower()


class TestCommand:
    def run(self, framework, url, *options, **env):
        line, environ = command(name_of(framework), url, *options, **env)
        return subprocess.run(line, env=environ, capture_output=True, check=False, timeout=120)

    def test_once(self, framework, url, writers, accepted):
        write(writers, "a", "b")
        done = self.run(framework, url, "--once", "--json")
        assert (done.returncode, json.loads(done.stdout)) == (0, {"relayed": 2, "waiting": 0, "standby": False})
        assert accepted.titles() == ["a", "b"]

    def test_once_without_a_broker(self, framework, url, writers, accepted):
        write(writers, "a")
        done = self.run(framework, url, "--once", LEADRELAY_BROKER_URL="redis://127.0.0.1:1/0")
        assert done.returncode == 3
        assert b"Traceback" not in done.stderr
        assert framework.store().waiting() == 1

    def test_until_it_is_stopped(self, framework, url, writers, accepted):
        line, environ = command(name_of(framework), url, "--json")
        with subprocess.Popen(line, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            write(writers, "a")
            until(accepted.titles, "it relays")
            process.terminate()
            out, _ = process.communicate(timeout=60)
        assert (process.returncode, json.loads(out)["relayed"]) == (0, 1)

    def test_mistakes_are_sentences(self, framework, url, accepted):
        framework.execute("DROP TABLE leadrelay_outbox")
        done = self.run(framework, url, "--once")
        assert done.returncode == 1
        assert b"migrated" in done.stderr
        assert b"Traceback" not in done.stderr
        off = self.run(framework, url, LEADRELAY_MODE="off")
        assert off.returncode in (1, 2)  # of Django's command, of ours
        assert b"LEADRELAY_MODE" in off.stderr
