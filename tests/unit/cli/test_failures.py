"""What goes wrong is a sentence with the input and what to do, and an exit code; never a stack trace."""

import os
import subprocess
import sys

import pytest
from leadrelay.cli import failures
from leadrelay.errors import BrokerFull, BrokerUnavailable, ConfigurationError, InvalidEvent
from redis import exceptions

REFUSED = {"LEADRELAY_BROKER_URL": "redis://:hunter2@127.0.0.1:1/3"}


def leadrelay(*words, home, **env):
    return subprocess.run(
        [sys.executable, "-m", "leadrelay", *words],
        env={"PATH": "/usr/bin:/bin", "LEADRELAY_HOME": str(home), "LEADRELAY_DATASET_ID": "d", **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("error", "says", "code"),
    [
        (BrokerUnavailable("away"), "away; check LEADRELAY_BROKER_URL (redis://127.0.0.1:1/3)", 3),
        (BrokerUnavailable("see LEADRELAY_BROKER_URL"), "see LEADRELAY_BROKER_URL", 3),
        (BrokerFull("full"), "full", 1),
        (InvalidEvent("ti: too long"), "ti: too long", 1),
        (ConfigurationError("LEADRELAY_POOL: no"), "LEADRELAY_POOL: no", 2),
        (exceptions.ResponseError("ERR unknown command 'x', with args beginning with: 'a@b.c'"),
         "the broker answered with an error (ResponseError: ERR unknown command 'x'); see leadrelay doctor", 1),
        (OSError(28, "No space left on device"), "the system refused: No space left on device", 1),
    ],
)  # fmt: skip
def test_an_error_is_a_sentence_and_a_code(error, says, code, monkeypatch):
    monkeypatch.setenv(*next(iter(REFUSED.items())))
    assert failures.told(error) == (says, code)


@pytest.mark.parametrize("words", [("status",), ("track", "x"), ("drain",), ("report",), ("dead", "list")])
def test_a_home_that_is_no_folder_is_named_with_its_setting(words, tmp_path):
    home = tmp_path / "file"
    home.write_text("")
    done = leadrelay(*words, home=home)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert str(home) in line
    assert "LEADRELAY_HOME" in line


@pytest.mark.parametrize(
    "words",
    [("status",), ("top", "--once"), ("track", "x"), ("verify",), ("trace", "x"), ("report",), ("audit",), ("pause",),
     ("resume",), ("rate", "5"), ("dead", "list"), ("dead", "show", "1"), ("dead", "replay", "--all")],
)  # fmt: skip
def test_a_broker_that_is_away_is_named_without_its_password(words, tmp_path):
    done = leadrelay(*words, home=tmp_path, **REFUSED)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "127.0.0.1:1/3" in done.stderr
    assert "Connection refused" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_the_help_lists_what_is_not_installed_and_says_how_to_install_it(tmp_path):
    code = "import sys; sys.modules['{}'] = None; from leadrelay.cli import main; main(sys.argv[1:])"

    def without(module, *words):
        command = [sys.executable, "-c", code.format(module), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    listed = without("sqlalchemy", "--help")
    assert listed.returncode == 0
    assert "leadrelay[sqlalchemy]" in listed.stdout
    for words in (("outbox",), ("outbox", "--url", "x")):
        done = without("sqlalchemy", *words)
        assert done.returncode == 1
        assert done.stderr == "Error: `outbox` needs sqlalchemy: pip install 'leadrelay[sqlalchemy]'\n"
    assert without("celery", "worker").stderr == "Error: `worker` needs celery: pip install 'leadrelay[worker]'\n"


@pytest.mark.parametrize("words", [("up", "--sandbox"), ("run",)])
def test_what_starts_parts_says_at_once_that_one_cannot_run(words, tmp_path):
    code = """
import sys, importlib.util as util
found = util.find_spec
util.find_spec = lambda name, *rest: None if name == "celery" else found(name, *rest)
from leadrelay.cli import main
main(sys.argv[1:])
"""
    env = {**os.environ, "LEADRELAY_HOME": str(tmp_path / "home"), "LEADRELAY_DATASET_ID": "d"}
    if words == ("run",):
        env |= REFUSED
    command = [sys.executable, "-c", code, *words, *(["--port-base", "17010"] if words[0] == "up" else [])]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"`{words[0]}` needs celery" in done.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", ["gateway", "sandbox", "exporter"])
def test_a_port_that_is_none_is_refused(command, tmp_path):
    done = leadrelay(command, "--port", "80000", home=tmp_path)
    assert done.returncode == 2
    assert "80000 is not in the range" in done.stderr
