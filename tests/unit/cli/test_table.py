from leadrelay.cli.table import table

HEADINGS = ("EID", "TITLE", "NOTE")
ROWS = [("a" * 32, "a rather long title", ""), ("b" * 32, "short", "")]


def lines(width, rows=ROWS, cut=("TITLE",)):
    return list(table(HEADINGS, rows, width, cut))


def test_wide_is_aligned_and_leaves_out_what_is_empty_everywhere():
    assert lines(80) == [
        f"{'EID':32}  TITLE",
        f"{'a' * 32}  a rather long title",
        f"{'b' * 32}  short",
    ]


def test_less_wide_cuts_what_may_be_cut():
    assert lines(46)[1] == f"{'a' * 32}  a rather lo…"


def test_narrow_is_one_block_a_row():
    assert lines(40, [("a" * 32, "a rather long title", "stale"), ("b" * 32, "short", "")]) == [
        "a" * 32,
        "  TITLE a rather long title  NOTE stale",
        "b" * 32,
        "  TITLE short",
    ]


def test_a_block_breaks_its_lines():
    assert lines(30, [("a" * 32, "a rather long title", "stale")]) == [
        "a" * 32,
        "  TITLE a rather long title",
        "  NOTE stale",
    ]


def test_no_line_is_longer_than_the_terminal():
    for width in range(46, 120):
        assert max(map(len, lines(width))) <= width
