"""docs/track-api.md against the data that it tells of, and the tests that it names."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from uuid import UUID

import pytest
from babel.support import LazyProxy
from leadrelay.trackapi.milestones import MILESTONES
from leadrelay.trackapi.parameters import PARAMETERS
from leadrelay.trackapi.proxy import TABLE
from leadrelay.trackapi.values import to_text

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "track-api.md").read_text()


def defined_in(folder, pattern):
    """Name the test functions in some files."""
    return {name for file in (ROOT / folder).rglob(pattern) for name in _DEFINED.findall(file.read_text())}


_DEFINED = re.compile(r"^def (test_\w+)", re.MULTILINE)


class Plan(Enum):
    PRO = "pro"


def rows(section):
    """Give the cells of the table in a section, without backticks and without its head."""
    text = DOC.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().replace("`", "") for cell in line.strip("|").split("|")] for line in lines[2:]]


def plain(text):
    return text.replace("`", "")


def test_each_parameter_stands_in_the_doc():
    assert [row[0] for row in rows("Parameters")] == list(PARAMETERS)
    for name, meaning, set_by, expected, tests in rows("Parameters"):
        parameter = PARAMETERS[name]
        source = "" if parameter.source == "page, Pre-defined parameters" else f" ({parameter.source})"
        check = parameter.check.expected or "nothing"
        assert meaning == plain(parameter.meaning + source)
        assert set_by == parameter.set_by
        assert expected == plain(check) + ("; else refused" if parameter.check.strict else "")
        assert tests


def test_each_milestone_stands_in_the_doc():
    assert dict(rows("Milestones")) == MILESTONES


def test_each_row_of_the_proxy_table_stands_in_the_doc():
    said = {True: "yes", False: "no"}
    assert rows("What LeadBoxer will count") == [
        [
            row.asked,
            said[row.visitor],
            said[row.sent],
            said[row.counted],
            row.enriched_from,
            f"test_what_leadboxer_counts[{row.asked}-{'visitor' if row.visitor else 'nobody'}]",
        ]
        for row in TABLE
    ]


@pytest.mark.parametrize("row", rows("Values and their texts"), ids=lambda row: row[0])
def test_each_value_has_the_text_that_the_doc_says(row):
    names = {"UTC": UTC, "date": date, "datetime": datetime, "Decimal": Decimal, "UUID": UUID, "Plan": Plan}
    value = eval(row[0], names | {"gettext_lazy": lambda text: LazyProxy(lambda: text)})
    expected = {"left out": None, "empty": "", "as it is": value}.get(row[1], row[1])
    assert to_text("x", value) == expected


NAMED = set(re.findall(r"`(test_\w+)", DOC))


def test_each_test_that_the_doc_names_exists():
    assert NAMED - defined_in("tests", "test_*.py") == set()
    assert len(NAMED) > 50


def test_each_test_of_the_page_is_named_in_the_doc():
    assert defined_in("tests/integration", "test_track_api*.py") - NAMED == set()


def test_every_sentence_names_its_test():
    assert all(
        "test_" in row[-1]
        for section in ("Parameters", "What the page says", "Return formats")
        for row in rows(section)
    )
