import pytest

from tests.generated import PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_written_from_the_code_is_up_to_date(page):
    assert page.read_text("utf-8") == PAGES[page](page.read_text("utf-8")), "run: python -m tests.generated"
