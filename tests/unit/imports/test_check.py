from datetime import UTC, datetime

import pytest
from leadrelay.imports.check import Ages, check, form_of
from leadrelay.imports.formats import FORMATS, reading
from leadrelay.imports.record import Line, RejectedLine
from leadrelay.imports.rejects import Rejects
from leadrelay.imports.shape import Shape

DAY = datetime(2026, 5, 17, tzinfo=UTC)


def test_ages():
    ages = Ages(DAY)
    assert [ages.note(at) for at in (None, DAY, DAY.replace(day=3), DAY.replace(day=1), DAY.replace(day=2))] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert (ages.count, ages.first, ages.last) == (3, DAY.replace(day=1), DAY.replace(day=3))
    with pytest.raises(RejectedLine):
        Ages(DAY, refused=True).note(DAY.replace(day=1))


def test_a_dry_run_makes_the_events_that_an_import_would():
    raws = [b'{"ti": "a", "uid": "7", "user_agent": "Moz", "x": "1 +"}\n'] * 2 + [
        b"{}\n",
        b'{"ti": "b", "uid": "1"}\n',
    ] * 3
    lines = (Line(number, raw) for number, raw in enumerate(raws, 1))
    shape, rejects, ages, seen = Shape(default_si="d1", uid_from="uid"), Rejects(None), Ages(DAY), []
    done = check(reading(FORMATS["jsonl"], lines).records, shape, rejects, ages, seen.append)
    assert (done.lines, done.valid, rejects.count, len(seen)) == (8, 5, 3, 8)
    assert [record.number for record, _ in done.first] == [1, 2, 4]
    key = raws[0].rstrip()
    assert [event.eid for _, event in done.first[:2]] == [shape.id_of({}, key, 1), shape.id_of({}, key, 2)]
    assert form_of(done.first[0][1]) == {
        "si": "d1",
        "ti": "a",
        "uid": "7",
        "x": "1 +",
        "eid": shape.id_of({}, key, 1),
        "proxy": "true",
        "User-Agent (header)": "Moz",
    }
