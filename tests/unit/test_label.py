import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.label import LABEL_LENGTH, MOST_TITLE, label_of, shown_dataset, shown_title


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("invoice_paid", "invoice_paid"),
        ("Plan 2024 bought", "Plan 2024 bought"),
        ("welcome ann.b+x@example.com!", "welcome <address>"),
        ("mail <ann@example.com>", "mail <address>"),
        ("to ann%40example.com", "to <address>"),
        ("order 1234567 paid", "order # paid"),
        ("call +49 170 1234567", "call #"),
        ("from 192.168.100.200", "from #"),
        ("two\nlines\tand a tab", "two lines and a tab"),
    ],
)
def test_a_title_shows_no_address_and_no_number_of_somebody(title, shown):
    assert shown_title(title) == shown


@given(st.text(), st.emails())
def test_no_address_survives(text, address):
    assert address not in shown_title(f"{text} {address}")


@given(st.text(max_size=300), st.text(max_size=300))
def test_names_are_bounded_single_lines_and_labels_fit_a_header(dataset, title):
    for name in (shown_dataset(dataset), shown_title(title)):
        assert len(name) <= MOST_TITLE
        assert "\n" not in name
    label = label_of(dataset, title)
    assert len(label) == LABEL_LENGTH
    assert set(label) <= set(string.ascii_letters + string.digits + "-_")


def test_a_dataset_id_keeps_its_digits():
    assert shown_dataset("0123456789abcdef0123456789abcdef") == "0123456789abcdef0123456789abcdef"


def test_a_label_tells_datasets_and_titles_apart():
    assert len({label_of(dataset, title) for dataset in "ab" for title in ("x", "y", "")}) == 6
