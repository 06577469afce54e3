"""`leadrelay dead` and `audit` as an operator uses them: real processes, real signals."""

import json
import os
import signal
import subprocess
import sys

import pytest
from leadrelay.queue import DeadLetters, Entry, Queue
from leadrelay.queue.books import read_books
from leadrelay.queue.replay import read_records
from leadrelay.queue.verify import recount

from tests.chaos.processes import until
from tests.letters import LANE, die, event, go_out

SECRET = "very.secret@example.com"


@pytest.fixture
def queue(broker, client, monkeypatch):
    monkeypatch.setenv("LEADRELAY_BROKER_URL", broker.url)
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    return Queue(client)


def command(*args):
    return [sys.executable, "-m", "leadrelay", *map(str, args)]


def run(*args, code=0, **env):
    done = subprocess.run(command(*args), env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def document(*args, code=0):
    return json.loads(run(*args, "--json", code=code).stdout)


def started(*args):
    return subprocess.Popen(command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_list_shows_what_is_not_personal(queue):
    die(queue, [event(1, email=SECRET), event(2, ti="login", userId=SECRET)])
    listed = document("dead", "list")
    assert [(row["seq"], row["title"], row["reason"], row["attempts"], row["last_outcome"]) for row in listed] == [
        (1, "signup", "refused", 1, "misconfigured http_403"),
        (2, "login", "refused", 1, "misconfigured http_403"),
    ]
    for told in (run("dead", "list"), run("dead", "list", "--json"), run("dead", "list", "--counts")):
        assert SECRET not in told.stdout + told.stderr
    assert len(document("dead", "list", "--user", SECRET.upper())) == 1
    assert len(document("dead", "list", "--title", "login", "--reason", "refused", "--since", "1h")) == 1
    assert document("dead", "list", "--until", "1h") == []
    assert run("dead", "list", "--until", "2020-01-01").stdout == "no dead letters match\n"
    none = run("dead", "replay", "--until", "2020-01-01", "--dry-run").stdout
    assert none == "0 of 0 dead letters would be replayed\n"
    assert document("dead", "list", "--counts")["by_title"] == {"signup": 1, "login": 1}


def test_a_long_list_is_cut_and_says_so(queue):
    die(queue, [event(number) for number in range(1, 131)])
    told = run("dead", "list").stdout.splitlines()
    assert len(told) == 102
    assert "--limit" in told[-1]
    assert len(run("dead", "list", "--limit", 130).stdout.splitlines()) == 131


def test_show_and_export_show_the_event(queue, tmp_path):
    die(queue, [event(1, email=SECRET)])
    die(queue, [Entry("e" * 32, "", "s", b"\xff\x00")], "malformed")
    assert SECRET in run("dead", "show", 1).stdout
    shown = document("dead", "show", event(1).eid)
    assert shown["event"]["email"] == SECRET
    assert [entry["outcome"] for entry in shown["history"]] == ["misconfigured"]
    assert document("dead", "show", 2)["hex"] == "ff00"
    lines = [json.loads(line) for line in run("dead", "export").stdout.splitlines()]
    assert [line["seq"] for line in lines] == [1, 2]
    assert lines[0]["event"]["email"] == SECRET
    file = tmp_path / "dead.jsonl"
    assert document("dead", "export", "--reason", "refused", "--output", file) == {"exported": 1}
    assert len(file.read_text().splitlines()) == 1
    assert file.stat().st_mode & 0o077 == 0
    assert "exists" in run("dead", "export", "--output", file, code=2).stderr
    assert "no dead letter" in run("dead", "show", 77, code=1).stderr


def test_edit_is_checked_as_a_producers_event(queue):
    die(queue, [event(1, LANE, userId="7", amount="1")])
    assert document("dead", "edit", 1, "amount=2", "ti=invoice", "--unset", "userId")["revision"] == 1
    wire = document("dead", "show", 1)["event"]
    assert wire == {"si": "d1", "ti": "invoice", "amount": "2", "eid": event(1).eid}
    for wrong, said in (
        (("eid=other",), "stays the same"),
        (("json=1",), "json:"),
        (("nonsense",), "NAME=VALUE"),
        (("--unset", "missing"), "no such property"),
        (("amount=2",), "nothing was changed"),
    ):
        done = subprocess.run(command("dead", "edit", "1", *wrong), capture_output=True, text=True, check=False)
        assert done.returncode in (1, 2), wrong
        assert said in done.stderr, (wrong, done.stderr)
    assert [act["act"] for act in document("audit")] == ["edit"]


def test_edit_in_an_editor(queue, tmp_path):
    die(queue, [event(1, plan="free")])
    editor = tmp_path / "editor"
    editor.write_text(f"#!{sys.executable}\nimport sys\nfile = sys.argv[1]\ntext = open(file).read()\n"
                      "open(file, 'w').write(text.replace('free', 'premium'))\n")  # fmt: skip
    editor.chmod(0o700)
    assert "revision 1" in run("dead", "edit", 1, EDITOR=str(editor)).stdout
    assert document("dead", "show", 1)["event"]["plan"] == "premium"
    editor.write_text(f"#!{sys.executable}\nimport sys\nopen(sys.argv[1], 'w').write('not JSON')\n")
    assert "not JSON" in run("dead", "edit", 1, code=1, EDITOR=str(editor)).stderr


def test_what_a_celery_producer_sent_wrongly_is_mended(queue):
    body = json.dumps([["signup"], {"email": "ann@example.com", "bad": []}, {}])
    raw = json.dumps({"body": body, "headers": {"task": "track_event", "id": "c" * 32}, "properties": {}}).encode()
    die(queue, [Entry("c" * 32, "", "-", raw)], "invalid")
    assert document("dead", "list")[0]["needs_edit"]
    assert "1 that are no events" in run("dead", "replay", "--all").stdout
    assert "no events" in run("dead", "replay", 1, code=1).stdout
    run("dead", "edit", 1, "--unset", "bad")
    assert document("dead", "show", 1)["event"]["email"] == "ann@example.com"
    assert document("dead", "replay", "--all", "--allow-stale")["replayed"] == 1


def test_replay_by_name_and_by_filter(queue):
    die(queue, [event(number) for number in range(1, 6)])
    assert document("dead", "replay", 1, event(2).eid)["replayed"] == 2
    assert document("dead", "replay", "--title", "signup", "--limit", 2)["replayed"] == 2
    assert "1 replayed" in run("dead", "replay", "--all").stdout
    assert "choose" in run("dead", "replay", code=2).stderr
    assert "choose" in run("dead", "replay", 1, "--all", code=2).stderr
    assert "no dead letter" in run("dead", "replay", 77, code=1).stderr
    assert [row["what"] for row in document("dead", "replays")] == ["all", "title=signup limit=2"]
    assert "all" in run("dead", "replays").stdout


def test_a_dry_run_counts_and_estimates(queue):
    die(queue, [event(1, LANE), event(2), event(3, ti="login")])
    queue.enqueue([event(4, LANE)])
    go_out(queue)
    told = document("dead", "replay", "--all", "--dry-run", "--rate", 2)
    assert (told["matching"], told["would_replay"], told["stale"], told["needs_edit"]) == (3, 2, 1, 0)
    assert told["by_reason"] == {"refused": 3}
    assert told["by_title"] == {"signup": 2, "login": 1}
    assert (told["at_rate_s"], told["at_delivery_s"]) == (1.0, None)
    text = run("dead", "replay", "--all", "--dry-run", "--rate", 2).stdout
    assert "2 of 3" in text
    assert "nothing was delivered" in text
    assert read_books(queue).dead == 3
    assert document("dead", "replays") == []


def test_stale_letters_are_left_unless_allowed(queue):
    die(queue, [event(1, LANE)])
    queue.enqueue([event(2, LANE)])
    go_out(queue)
    assert "--allow-stale" in run("dead", "replay", "--all").stdout
    assert "stale" in run("dead", "list").stdout
    assert read_books(queue).dead == 1
    assert document("dead", "replay", "--all", "--allow-stale")["replayed"] == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_replay_between_steps(queue, number):
    die(queue, [event(number) for number in range(1, 301)])
    process = started("dead", "replay", "--all", "--rate", 100)
    until(lambda: read_books(queue).replayed > 0, "it replays")
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    books = read_books(queue)
    assert process.returncode == 1, err
    assert f"stopped: {books.replayed} replayed" in out
    assert 0 < books.replayed < 300
    assert books.dead + books.ready == 300
    assert "going on with" in run("dead", "replay", "--all").stderr
    assert read_books(queue).ready == 300


def test_a_killed_replay_loses_and_doubles_nothing_and_goes_on(queue):
    """SIGKILL, five times, at whatever instant; in between some letters die again."""
    die(queue, [event(number) for number in range(1, 2001)])
    letters = DeadLetters(queue)
    for kill in range(1, 6):
        before = read_books(queue).replayed
        process = started("dead", "replay", "--all", "--rate", 400)
        until(lambda before=before: read_books(queue).replayed > before, "it replays")
        process.kill()
        process.communicate(timeout=20)
        books = read_books(queue)
        (record,) = read_records(letters)
        assert record.state == "running"
        assert record.replayed == books.replayed, "the record and the move are one step"
        assert books.ready + books.dead == 2000
        assert recount(queue).findings == []
        if kill == 3:
            assert len(go_out(queue, "dead", "refused", limit=20)) == 20
    assert "going on with" in run("dead", "replay", "--all").stderr
    (record,) = read_records(letters)
    assert (record.state, record.replayed) == ("done", 2000)
    left = list(letters.select())
    assert len(left) == 20
    assert {letter.message.replays for letter in left} == {1}
    assert read_books(queue).ready == 1980
    assert recount(queue).findings == []


def test_drop_is_recorded_with_its_reason(queue):
    die(queue, [event(number, email=SECRET) for number in range(1, 6)])
    assert document("dead", "drop", "--all", "--because", "x", "--dry-run") == {"dropped": 5, "dry_run": True}
    assert document("dead", "drop", 1, event(2).eid, "--because", "a test")["dropped"] == 2
    assert document("dead", "drop", "--user", SECRET, "--because", "asked to")["dropped"] == 3
    assert "because" in run("dead", "drop", "--all", code=2).stderr
    acts = document("audit")
    assert [(act["act"], act["number"], act["detail"]) for act in acts] == [
        ("drop", 3, "asked to"),
        ("drop", 2, "a test"),
    ]
    assert read_books(queue).balanced


def test_no_record_holds_a_user(queue):
    die(queue, [event(1, email=SECRET), event(2, LANE, email=SECRET)])
    run("dead", "replay", "--user", SECRET)
    for told in (run("audit"), run("audit", "--json"), run("dead", "replays"), run("dead", "replays", "--json")):
        assert SECRET not in told.stdout
    assert "user=" in run("audit").stdout
    stored = [*queue.client.lrange(queue.keys.name("audit"), 0, -1), *queue.client.hvals(queue.keys.name("replays"))]
    assert stored
    assert not [row for row in stored if b"secret" in row]


def test_the_audit_can_be_narrowed(queue):
    assert "nothing" in run("audit").stdout
    die(queue, [event(1), event(2)])
    run("dead", "drop", 1, "--because", "one")
    run("dead", "drop", 2, "--because", "two")
    assert [act["detail"] for act in document("audit", "--limit", 1)] == ["number 2: two"]
    assert len(document("audit", "--since", "1h")) == 2
    assert document("audit", "--since", "2099-01-01") == []
    assert "--since" in run("audit", "--since", "tomorrow", code=2).stderr
