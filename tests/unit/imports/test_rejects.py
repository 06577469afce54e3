import pytest
from leadrelay.imports.record import ImportMistake, Record, rejected
from leadrelay.imports.rejects import LISTED, Rejects


def record(number, raw):
    return Record(number, raw, raw, lambda: rejected("x"))


def test_lines_are_kept_as_they_were_behind_a_note(tmp_path):
    path = tmp_path / "rejected.csv"
    rejects = Rejects(path, b"a,b\r\n")
    rejects.add(record(3, b"\xff\0\n"), "a NUL byte")
    rejects.add(record(9, b'1,"x\ny'), "1 fields")
    rejects.close()
    assert path.read_bytes() == (
        b'a,b\r\n#leadrelay line 3: a NUL byte\n\xff\0\n#leadrelay line 9: 1 fields\n1,"x\ny\n'
    )
    assert path.stat().st_mode & 0o777 == 0o600


def test_no_file_without_rejected_lines(tmp_path):
    Rejects(tmp_path / "rejected", b"a,b\n").close()
    assert not (tmp_path / "rejected").exists()


def test_an_existing_file_is_left_alone(tmp_path):
    (tmp_path / "rejected").write_text("mine")
    with pytest.raises(ImportMistake, match="exists already"):
        Rejects(tmp_path / "rejected")


def test_a_folder_that_is_missing_is_said_at_once(tmp_path):
    with pytest.raises(ImportMistake, match="no folder"):
        Rejects(tmp_path / "missing" / "rejected")


def test_a_reason_is_one_line(tmp_path):
    rejects = Rejects(tmp_path / "rejected")
    rejects.add(record(1, b"x\n"), "a\nb\x1b: wrong")
    rejects.close()
    assert (tmp_path / "rejected").read_bytes() == b"#leadrelay line 1: a b : wrong\nx\n"


def test_memory_is_bounded():
    rejects = Rejects(None)
    for number in range(LISTED + 500):
        rejects.add(record(number, b""), f"reason {number} " + "x" * 1000)
    assert rejects.count == LISTED + 500
    assert len(rejects.listed) == LISTED
    assert len(rejects.reasons) == 101
    assert rejects.reasons["other reasons"] == LISTED + 400
    assert max(map(len, rejects.reasons)) <= 300
