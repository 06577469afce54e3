import json
from datetime import UTC, datetime, timedelta

import pytest
from leadrelay.history import Ended, HistoryFiles

NOW = int(datetime.now(UTC).timestamp() * 1000)
CUT = ("1:1:transient?:cut:5", "2:2:accepted:http_200:5")


def ended(number, outcome="delivered", history=(), **kwargs):
    given = {"at_ms": NOW, "title": 'a "title"', "reason": "http_200", "latency_ms": 1000, "worker": "w/1-a"} | kwargs
    return Ended(
        eid=f"{number:032x}",
        seq=number,
        scope="s",
        attempts=len(history) or 1,
        outcome=outcome,
        history=history,
        **given,
    )


@pytest.fixture
def files(tmp_path):
    return HistoryFiles(tmp_path / "home", most_file_bytes=1000)


@pytest.mark.parametrize(
    "made", [ended(1), ended(2, history=CUT), ended(3, "dead", reason='re"jected'), ended(4, history=CUT, stale=True)]
)
def test_a_line_is_json_and_reads_back(made):
    assert json.loads(made.line())["eid"] == made.eid
    assert Ended.parse(made.line().encode()) == made


def test_what_is_no_whole_line_is_none():
    assert Ended.parse(ended(1).line()[:-5].encode()) is None
    assert Ended.parse(b'{"at":1}') is None


def test_files_are_private_and_the_next_begins_when_one_is_full(files):
    for number in range(20):
        files.append(ended(number).line() + "\n")
    assert len(files.files()) > 2
    assert {path.stat().st_mode & 0o777 for path in files.files()} == {0o600}
    assert files.folder.stat().st_mode & 0o777 == 0o700
    assert [files.find(f"{number:032x}") for number in range(20)] == [[ended(number)] for number in range(20)]
    assert HistoryFiles(files.folder.parent, 1000).find("f" * 32) == []


def test_a_torn_line_hides_only_its_neighbour(files):
    files.append(ended(1).line() + "\n")
    files.append(ended(2).line()[:40])
    files.append(ended(3).line() + "\n" + ended(4).line() + "\n")
    assert [len(files.find(f"{number:032x}")) for number in (1, 2, 3, 4)] == [1, 0, 0, 1]


def test_two_writers_share_a_file(files):
    other = HistoryFiles(files.folder.parent, 10**6)
    files.append(ended(1).line() + "\n")
    other.append(ended(2).line() + "\n")
    assert len(files.files()) == 1
    assert files.find(ended(2).eid) == [ended(2)]


def test_old_files_and_those_beyond_a_size_are_removed(files):
    for number in range(40):
        files.append(ended(number).line() + "\n")
    old = files.folder / f"{datetime.now(UTC) - timedelta(days=40):%Y-%m-%d}-0000.jsonl"
    old.write_text("x\n")
    before = files.files()
    assert files.prune(31, 10**9) == 1
    assert not old.exists()
    assert files.prune(31, 3000) == len(before) - 1 - 2
    assert files.files() == before[-2:]
    files.append(ended(99).line() + "\n")
    assert files.find(ended(99).eid)


def test_possible_doubles_are_the_delivered_with_an_unknown_attempt_before(files):
    known = ("1:1:transient:http_503:5", "2:2:accepted:http_200:5")
    died = (*CUT[:1], "2:2:rejected:http_400:5")
    for made in (ended(1, history=CUT), ended(2, history=known), ended(3, "dead", history=died), ended(4)):
        files.append(made.line() + "\n")
    assert [double.seq for double in files.doubles(NOW - 5000, NOW)] == [1]
    assert list(files.doubles(NOW - 500, NOW + 1)) == []


def test_a_disk_that_cannot_be_written_is_said_and_nothing_raises(tmp_path, caplog):
    (tmp_path / "home").write_text("a file, no folder")
    HistoryFiles(tmp_path / "home").append("x\n")
    assert "history cannot be written" in caplog.text


def test_the_latest_are_the_newest_that_fit(files):
    assert files.latest() == []
    for number in range(1, 21):
        files.append(ended(number).line() + "\n")
    newest = files.latest(600)
    assert [one.seq for one in newest] == list(range(newest[0].seq, 21))
    assert 1 <= len(newest) <= 3
