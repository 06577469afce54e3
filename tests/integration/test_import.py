"""`leadrelay import` as people run it: real processes, killed and started again, on a real broker."""

import gzip
import json
import os
import pty
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from leadrelay.queue import Entry, Queue
from leadrelay.queue.books import read_books
from leadrelay.queue.core import MOST_AT_ONCE, RECENT_WINDOW

from tests.chaos import imports
from tests.chaos.processes import Broker, until
from tests.chaos.run import Run

LINE = '1.2.3.{} - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 20 "-" "Mozilla"\n'
COMBINED = ("--format", "combined", "--anonymous")
CRM = ("--map", "E-mail=email", "--title", "crm")
HEAD = "E-mail,Plan\n"


@pytest.fixture
def app(broker, client, monkeypatch):
    """An environment with a broker and a dataset."""
    monkeypatch.setenv("LEADRELAY_BROKER_URL", broker.url)
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    return Queue(client)


def start(file, *options, **env):
    return subprocess.Popen(
        [sys.executable, "-m", "leadrelay", "import", str(file), *options],
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(file, *options, stdin=b"", **env):
    process = start(file, *options, **env)
    out, err = process.communicate(stdin, 60)
    return process.returncode, out.decode(), err.decode()


def document(file, *options, **kwargs):
    code, out, _ = run(file, *options, "--json", **kwargs)
    return code, json.loads(out)


def accepted(queue):
    return read_books(queue).accepted


def payloads(queue):
    claim = queue.claim("w", "r", MOST_AT_ONCE, 10**7, 0)
    return [json.loads(claimed.message.payload) for claimed in claim.messages]


def others(queue, number):
    """Accept other events, so many that the queue forgets the eids before them."""
    for start_at in range(0, number, MOST_AT_ONCE):
        numbers = range(start_at, start_at + MOST_AT_ONCE)
        queue.enqueue([Entry(f"other-{one}", "", "00000000", b"{}") for one in numbers])


@pytest.fixture
def leads(tmp_path):
    path = tmp_path / "leads.csv"
    path.write_text(HEAD + "".join(f"user-{number}@example.com,pro\n" for number in range(2000)))
    return path


def test_random_kills_of_a_table(tmp_path):
    verdict = imports.killed(tmp_path, imports.table(tmp_path / "table.csv", 5000), 3, "--rate", 5000)
    assert (verdict.lost, verdict.doubled, verdict.findings) == ([], [], [])


def test_random_kills_of_a_log(tmp_path):
    path = tmp_path / "access.log.gz"
    lines = [LINE.format(number % 200) for number in range(3000)]
    path.write_bytes(gzip.compress("".join([*lines[:1000], "rubbish\n", *lines[1000:]]).encode()))
    verdict = imports.killed(tmp_path, imports.log(path), 3, "--rate", 5000)
    assert (verdict.lost, verdict.doubled, verdict.findings) == ([], [], [])


@pytest.mark.parametrize("step", ["enqueue.before", "enqueue.after"])
def test_a_kill_around_a_batch_doubles_and_loses_nothing_however_much_came_in_between(app, leads, step):
    code, *_ = run(leads, *CRM, LEADRELAY_FAILPOINT=f"{step}:2")
    assert code == -signal.SIGKILL
    assert accepted(app) == (500 if step == "enqueue.before" else 1000)
    others(app, 2 * RECENT_WINDOW + MOST_AT_ONCE)
    between = accepted(app)
    code, done = document(leads, *CRM)
    assert (code, done["imported"] + done["known"]) == (0, 2000)
    assert accepted(app) - between == 2000 - (500 if step == "enqueue.before" else 1000)
    assert document(leads, *CRM)[1]["known"] == 2000


def test_a_batch_in_doubt_is_settled_though_the_next_run_makes_other_batches(app, leads):
    assert run(leads, *CRM, LEADRELAY_FAILPOINT="enqueue.after:3")[0] == -signal.SIGKILL
    others(app, 2 * RECENT_WINDOW + MOST_AT_ONCE)
    between = accepted(app)
    done = document(leads, *CRM, "--rate", "450")[1]
    assert (done["imported"], done["known"]) == (500, 1500)
    assert accepted(app) - between == 500


def test_importing_again_adds_nothing(app, tmp_path):
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress((LINE.format(1) * 2 + "rubbish\n\n" + LINE.format(2)).encode()))
    code, first = document(file, "--anonymous")
    assert code == 1
    assert (first["lines"], first["imported"], first["known"], first["rejected_lines"]) == (4, 3, 0, 1)
    assert first["rejected"] == [{"line": 3, "reason": "not a line of the combined format"}]
    assert first["old"] == {"lines": 3, "from": "2015-05-17", "to": "2015-05-17"}
    app.client.delete(app.keys.name("recent"), app.keys.name("recent_old"))
    code, again = document(file, "--anonymous")
    assert (code, again["imported"], again["known"]) == (1, 0, 3)
    assert accepted(app) == 3
    assert all(event["proxy"] if "_ua" not in event else "proxy" not in event for event in payloads(app))


def test_a_grown_file_adds_what_is_new(app, leads):
    assert document(leads, *CRM)[1]["imported"] == 2000
    with leads.open("a") as file:
        file.write("user-1@example.com,pro\nnew@example.com,free\n")
    grown = document(leads, *CRM)[1]
    assert (grown["imported"], grown["known"]) == (2, 2000)


def test_another_title_another_addition_and_another_dataset_are_other_events(app, leads):
    for options in (CRM, (*CRM[:2], "--title", "other"), (*CRM, "--set", "wave=2"), (*CRM, "--si", "d2")):
        assert document(leads, *options)[1]["imported"] == 2000
    assert document(leads, *CRM, "--proxy", "false", "--rate", "100000")[1]["known"] == 2000


def test_what_a_crm_sends(app, tmp_path):
    file = tmp_path / "crm.csv"
    file.write_bytes(b"\xef\xbb\xbf" + b'E-mail;Customer ID;Note;Empty\nann@example.com;7;"two\nlines";\n')
    assert run(file, *CRM, "--set", "source=crm")[0] == 0
    (event,) = payloads(app)
    assert event.pop("eid")
    assert event == {
        "si": "d1",
        "ti": "crm",
        "email": "ann@example.com",
        "Customer ID": "7",
        "Note": "two\nlines",
        "source": "crm",
        "proxy": "true",
    }


def test_json_lines_and_urls(app, tmp_path):
    lines = (
        b'{"ti": "a", "userId": "7"}\n{"ti": "b"}\n{"ti": "c", "x": {}}\n{"ti": "d", "userId": "8", "title": "CEO"}\n'
    )
    code, done = document("-", "--format", "jsonl", "--uid-from", "userId", stdin=lines)
    assert (code, done["imported"], [row["line"] for row in done["rejected"]]) == (1, 2, [2, 3])
    urls = tmp_path / "upload"
    call = "https://log.leadboxer.com/?si=d2&ti=a+b&uid=7.8&eid=event-1&t_ms=1431857103000\n"
    urls.write_bytes(gzip.compress((call + "nonsense\n").encode()))
    code, done = document(urls, "--format", "urls", "--map", "uid=uid")
    assert (code, done["imported"], done["old"]["from"]) == (1, 1, "2015-05-17")
    assert payloads(app)[-1] == {
        "si": "d2",
        "ti": "a b",
        "uid": "7.8",
        "t_ms": "1431857103000",
        "eid": "event-1",
        "proxy": "true",
    }


@pytest.mark.parametrize(
    ("file", "options", "said"),
    [
        ("leads.csv", (), "whom are the lines about"),
        ("leads.csv", ("--anonymous", *CRM), "and not both"),
        ("leads.csv", CRM[:2], "--title"),
        ("leads.csv", ("--map", "email"), "write NAME=VALUE"),
        ("leads.csv", (*CRM, "--map", "X=y"), "no such column"),
        ("leads.csv", (*CRM, "--delimiter", "ab"), "one character"),
        ("leads.csv", (*CRM, "--rejects", "leads.csv"), "exists already"),
        ("missing.csv", CRM, "No such file"),
        ("missing", CRM, "No such file"),
        ("leads", CRM, "--format"),
        ("-", CRM, "--format"),
    ],
)
def test_mistakes_are_sentences(app, leads, file, options, said, monkeypatch):
    monkeypatch.chdir(leads.parent)
    (leads.parent / "leads").write_bytes(leads.read_bytes())
    code, out, err = run(file, *options)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_nothing_is_sent_when_events_are_not(app, leads):
    code, _, err = run(leads, *CRM, LEADRELAY_MODE="off")
    assert code == 2
    assert "LEADRELAY_MODE" in err
    assert document(leads, *CRM)[1]["imported"] == 2000


def test_rejected_lines_can_be_mended_and_imported(app, tmp_path):
    file, kept = tmp_path / "leads.csv", tmp_path / "kept.csv"
    file.write_bytes(
        HEAD.encode() + b'a@example.com,"open\nb@example.com\nc@example.com,\x80secret\nd@example.com,pro\n'
    )
    code, out, err = run(file, *CRM, "--rejects", str(kept))
    assert code == 1
    assert "secret" not in out + err
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_bytes(
        kept.read_bytes().replace(b'"open', b"free").replace(b"\x80", b"").replace(b"b@example.com", b"b@e,x")
    )
    code, done = document(kept, *CRM)
    assert (code, done["lines"], done["imported"]) == (0, 3, 3)
    assert {event["email"][0] for event in payloads(app)} == set("abcd")


def test_rejected_lines_are_kept_in_the_home(app, tmp_path, monkeypatch):
    file = tmp_path / "leads.csv"
    file.write_text(HEAD + "x\n" * 30)
    code, out, _ = run(file, *CRM)
    assert code == 1
    assert "30 rejected" in out
    assert "… and 10 more" in out
    (kept,) = (tmp_path / "home").glob("rejected-*.csv")
    assert str(kept) in out
    assert kept.read_text().count("\nx\n") == 30


def test_a_dry_run_needs_no_broker_and_leaves_nothing(leads, tmp_path, monkeypatch):
    monkeypatch.setenv("LEADRELAY_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    with leads.open("a") as file:
        file.write("x\n")
    code, out, _ = run(leads, *CRM, "--dry-run")
    assert code == 1
    assert out.count("would be sent as") == 3
    assert "    email = user-0@example.com\n" in out
    assert "2,001 lines: 2,000 valid, 1 rejected" in out
    code, found = document(leads, *CRM, "--dry-run")
    assert (code, found["valid"], len(found["first"]), found["rejects_file"]) == (1, 2000, 3, None)
    assert not (tmp_path / "home").exists()


def test_a_dry_run_shows_what_is_sent(app, leads):
    _, found = document(leads, *CRM, "--dry-run")
    run(leads, *CRM)
    assert [row["form"] for row in found["first"]] == payloads(app)[:3]


def test_old_lines_in_a_pipe_are_sent_and_said(app):
    code, _, err = run("-", *COMBINED, stdin=gzip.compress(LINE.format(1).encode() * 2))
    assert (code, accepted(app)) == (0, 2)
    assert "line 1 is older than a day" in err
    assert "2 lines are older than a day (2015-05-17)" in err
    assert run("-", *COMBINED, "--old", stdin=LINE.format(2).encode())[2] == ""


def test_old_lines_can_be_refused(app):
    new = f"{datetime.now(UTC):%d/%b/%Y:%H:%M:%S +0000}"
    lines = LINE.format(1) + LINE.format(2).replace("17/May/2015:10:05:03 +0000", new)
    code, done = document("-", *COMBINED, "--no-old", stdin=lines.encode())
    assert (code, done["imported"]) == (1, 1)
    assert done["rejected"] == [{"line": 1, "reason": "older than a day"}]


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 1)])
def test_old_lines_on_a_terminal_are_asked_for(app, tmp_path, answer, code):
    file = tmp_path / "access.log"
    file.write_text(LINE.format(1) + LINE.format(2).replace("17/May", "20/May"))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "leadrelay", "import", str(file), "--anonymous"]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    screen = b""

    def asked():
        nonlocal screen
        screen += os.read(ours, 10_000)
        return b"all the same?" in screen

    until(asked, "the question")
    os.write(ours, answer)
    assert process.wait(20) == code
    os.close(ours)
    assert b"2 lines are older than a day (2015-05-17 to 2015-05-20)" in screen
    assert accepted(app) == (0 if code else 2)


def test_an_interrupt_ends_it_cleanly_and_it_goes_on(app, leads):
    process = start(leads, *CRM, "--rate", "500")
    until(lambda: accepted(app), "the import has begun")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"run the same command again" in err
    assert out == b""
    begun = accepted(app)
    assert begun < 2000
    done = document(leads, *CRM)[1]
    assert done["known"] == begun
    assert accepted(app) == 2000


def test_one_import_at_a_time(app, leads):
    first = start(leads, *CRM, "--rate", "500")
    until(lambda: accepted(app), "the import has begun")
    code, _, err = run(leads, *CRM)
    assert code == 1
    assert "another import" in err
    first.kill()
    first.communicate()


def test_a_broker_that_is_away_at_the_start_is_exit_code_3(leads, monkeypatch):
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    code, _, err = run(leads, *CRM, LEADRELAY_BROKER_URL="redis://127.0.0.1:1/0")
    assert code == 3
    assert "Traceback" not in err


def test_a_broker_that_goes_away_is_waited_for(tmp_path, leads, monkeypatch):
    server = Broker(tmp_path, fsync="always")
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    queue = Queue(server.client)
    process = start(leads, *CRM, "--rate", "1000", LEADRELAY_BROKER_URL=server.url)
    try:
        until(lambda: accepted(queue), "the import has begun")
        server.kill()
        line = until(process.stderr.readline, "the import waits")
        server.start()
        assert b"waiting: the broker cannot be reached" in line
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert b"going on" in err
        assert accepted(queue) == 2000
    finally:
        process.kill()
        server.kill()


def test_a_full_broker_is_waited_for(tmp_path, leads, monkeypatch):
    with Run(tmp_path) as run_:
        client = run_.broker.client
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 200_000)
        process = start(leads, *CRM, **run_.env)
        assert b"waiting: the broker's memory is full" in until(process.stderr.readline, "the import waits")
        client.config_set("maxmemory", 0)
        process.communicate(timeout=60)
        assert process.returncode == 0
        assert run_.books().accepted == 2000


def test_imports_stand_behind_live_events(app, leads):
    run(leads, *CRM)
    assert read_books(app).lengths["bulk"] == 2000


def test_a_journal_that_is_none_is_said(app, leads, tmp_path):
    run(leads, *CRM)
    (journal,) = (tmp_path / "home").glob("imports-*.sqlite")
    journal.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    code, _, err = run(leads, *CRM)
    assert code == 1
    assert "the journal in" in err
    assert "Traceback" not in err
