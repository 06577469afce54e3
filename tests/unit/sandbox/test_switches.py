from pathlib import Path

import pytest
from leadrelay_sandbox.switches import DEFAULTS, TABLE, BadSwitch, changed, listed, parse

DOCUMENT = Path(__file__).parent.parent.parent.parent / "docs" / "sandbox.md"


@pytest.mark.parametrize("switch", TABLE, ids=lambda switch: switch.name)
def test_every_switch_is_documented_with_its_values_and_meaning(switch):
    values = " ".join(f"`{value}`" for value in switch.values)
    assert f"| `{switch.name}` | {values} | {switch.meaning} |" in DOCUMENT.read_text("utf-8")


def test_the_document_names_no_other_switch():
    rows = DOCUMENT.read_text("utf-8").split("## Switches")[1].split("## Control API")[0].splitlines()
    assert sum(row.startswith("| `") for row in rows) == len(TABLE)


def test_names_are_unique_and_every_switch_has_another_answer():
    assert len(DEFAULTS) == len(TABLE)
    assert all(len(set(switch.values)) > 1 for switch in TABLE)


def test_switches_are_set_together_or_not_at_all():
    assert changed(DEFAULTS, {"missing_si": "discard"})["missing_si"] == "discard"
    with pytest.raises(BadSwitch):
        changed(DEFAULTS, {"missing_si": "discard", "t_ms": "x"})
    assert DEFAULTS["missing_si"] == "refuse"


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"missing-si": "discard"}, "did you mean missing_si"),
        ({"zzz": "1"}, "known: missing_si"),
        ({"t_ms": "yes"}, "property or honour"),
        ({"t_ms": None}, "property or honour"),
        ({"t_ms": ["honour"]}, "property or honour"),
    ],
)
def test_a_wrong_switch_says_what_to_give(wanted, told):
    with pytest.raises(BadSwitch, match=told):
        changed(DEFAULTS, wanted)


def test_the_command_lines_form():
    assert parse(("t_ms=honour", "cors=any"))["cors"] == "any"
    with pytest.raises(BadSwitch, match="name=value"):
        parse(("t_ms",))


def test_the_list_tells_value_and_default():
    shown = {row["name"]: row for row in listed({**DEFAULTS, "t_ms": "honour"})}
    assert (shown["t_ms"]["value"], shown["t_ms"]["default"], shown["t_ms"]["values"]) == (
        "honour",
        "property",
        ["property", "honour"],
    )
