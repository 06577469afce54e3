"""What editors and type checkers know of the package: `__init__.pyi` against the parameter table, and mypy's word."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import leadrelay
import pytest
from leadrelay.event import OPTIONS
from leadrelay.trackapi.parameters import ANSWER_FORMS, PARAMETERS

STUB = ast.parse(Path(leadrelay.__file__).with_suffix(".pyi").read_text())
WIRE = PARAMETERS.keys() - ANSWER_FORMS
TITLED = WIRE - {"ti"}


def functions():
    found = {node.name: node for node in STUB.body if isinstance(node, ast.FunctionDef)}
    event = next(node for node in STUB.body if isinstance(node, ast.ClassDef))
    return found | {f"Event.{node.name}": node for node in event.body}


@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("track_event", TITLED | {*OPTIONS, "properties"}),
        ("track_url", WIRE | {*OPTIONS, "properties"}),
        ("update_user", WIRE | {*OPTIONS, "properties"}),
        ("Event.create", TITLED | {"user_agent", "lane", "properties"}),
    ],
)
def test_every_parameter_is_a_keyword(name, keywords):
    arguments = functions()[name].args
    assert {argument.arg for argument in arguments.kwonlyargs} == keywords
    assert ast.unparse(arguments.kwarg) == "wire: Value"


def test_the_stub_names_what_the_package_exports():
    names = {
        alias.asname for node in STUB.body if isinstance(node, ast.ImportFrom) for alias in node.names if alias.asname
    }
    named = names | {
        node.name for node in STUB.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    }
    assert named == set(leadrelay.__all__)
    assert all(getattr(leadrelay, name) for name in named)
    with pytest.raises(AttributeError, match="has no attribute 'track'"):
        leadrelay.track  # noqa: B018 - the access is the test


def mypy(folder, code):
    (folder / "sample.py").write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--hide-error-context", "sample.py"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "NO_COLOR": "1"}, capture_output=True, text=True, check=False
    )
    return done.stdout.splitlines()


HEAD = """\
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID
from leadrelay import Event, InvalidEvent, NotAccepted, track_event, track_many, track_url, update_user
"""
ACCEPTED = """\
eid: str = track_event("invoice_paid")
track_event("a", userId=42, email=None, proxy="auto", increment=False, sw=1920, tz="Europe/Paris", plan="pro")
track_event("a", properties={"Customer ID": 7, "at": datetime.now(UTC)}, amount=Decimal("9.90"), paid=True, x=1.5)
track_event("a", idempotency_key="order-7", lane=False, user_agent="Mozilla", ip="192.0.2.4", eid=UUID(int=7))
ids: list[str] = track_many([{"ti": "a", "properties": {"x y": 1}}, Event.create("b", eid="own-id-1", si="d1", n=1)])
update_user(userId="7", ti="renamed", plan=None)
track_url("https://log.leadboxer.com/?si=d1&ti=a", ip="192.0.2.4")
try:
    track_url(b"https://log.leadboxer.com/?si=d1")
except (InvalidEvent, NotAccepted):
    pass
"""
REFUSED = [
    ("track_event()", "Too few arguments"),
    ("track_event(title='a')", "Too few arguments"),
    (
        "track_event('a', email=7)",
        'Argument "email" to "track_event" has incompatible type "int"; expected "str | None"',
    ),
    ("track_event('a', proxy='maybe')", 'Argument "proxy" to "track_event" has incompatible type'),
    ("track_event('a', plan=['x'])", 'Argument "plan" to "track_event" has incompatible type "list[str]"'),
    ("track_event('a', properties={'x': [1]})", "Dict entry 0 has incompatible type"),
    ("track_many([1])", 'List item 0 has incompatible type "int"'),
    ("update_user('7')", "Too many positional arguments"),
    ("track_url(7)", 'Argument 1 to "track_url" has incompatible type "int"'),
    ("Event.create('a')", 'Missing named argument "eid"'),
    ("x: int = track_event('a')", 'Incompatible types in assignment (expression has type "str"'),
]


def test_a_type_checker_accepts_and_refuses_what_the_door_does(tmp_path):
    """One run of mypy for both, since it takes seconds: refused calls stand below the accepted ones, a line each."""
    code = HEAD + ACCEPTED
    first = code.count("\n") + 1
    told = mypy(tmp_path, code + "\n".join(call for call, _ in REFUSED) + "\n")
    errors = {int(line.split(":")[1]): line for line in reversed(told) if ": error: " in line}
    assert sorted(errors) == list(range(first, first + len(REFUSED))), "\n".join(told)
    for number, (call, said) in enumerate(REFUSED, first):
        assert said in errors[number], call
