import pytest
from leadrelay.cli import progress
from leadrelay.cli.progress import Progress, line


@pytest.mark.parametrize("width", range(5, 200))
def test_the_line_fits_and_says_the_most_that_fits(width):
    text = line(width, 0.43, 4310, 2150.2, 65)
    assert len(text) <= width
    assert "43%" in text or width < 10
    assert ("1.1 min left" in text) == (width >= 18)
    assert ("4,310 lines" in text) == (width >= 31)
    assert ("2,150/s" in text) == (width >= 40)
    assert ("[" in text) == (width >= 53)


def test_a_source_of_unknown_size_has_no_share_and_no_end():
    assert line(80, None, 4310, 2150.2, None) == "4,310 lines  2,150/s"


def test_a_pipe_has_no_bar():
    assert line(None, 0.43, 4310, 2150.2, 65) == " 43%  4,310 lines  2,150/s  1.1 min left"
    assert "100%" in line(None, 1.7, 1, 1, 0)


def test_something_is_said_now_and_then(monkeypatch, capsys):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    meter = Progress(lambda: int(clock[0] - 100) * 10, 400)
    for seconds in range(25):
        clock[0] = 100 + seconds
        meter(seconds * 100)
    assert capsys.readouterr().err == " 25%  1,000 lines  100/s  30.0 s left\n 50%  2,000 lines  100/s  20.0 s left\n"
