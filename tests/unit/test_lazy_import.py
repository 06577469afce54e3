"""`import leadrelay` in an application's start costs and touches next to nothing."""

import json
import subprocess
import sys

import pytest

#: Prints what a statement loads, and what it opens other than code of modules.
PROBE = """\
import sys
before = set(sys.modules)
opened = []
def watch(event, args):
    if event.startswith(("socket.", "subprocess.", "os.fork", "sqlite3")):
        opened.append(event)
    if event == "open" and not str(args[0]).endswith((".py", ".pyc", ".so")):
        opened.append(str(args[0]))
sys.addaudithook(watch)
exec(sys.argv[1])
loaded = set(sys.modules) - before
taken = list(opened)
import json
print(json.dumps([sorted(loaded), taken]))
"""
HEAVY = {"redis", "click", "socket", "ssl", "asyncio", "sqlite3", "subprocess", "http", "email", "random", "celery"}


def probe(statement, **env):
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROBE, statement], capture_output=True, text=True, check=True, env=env
    )
    loaded, opened = json.loads(done.stdout)
    return set(loaded), opened


def test_importing_the_package_loads_and_opens_nothing():
    loaded, opened = probe("import leadrelay")
    assert {name for name in loaded if name.startswith("leadrelay")} == {"leadrelay"}
    assert loaded - {"leadrelay"} <= {"importlib", "importlib._bootstrap", "importlib._bootstrap_external", "warnings"}
    assert opened == []


@pytest.mark.parametrize("name", ["track_event", "Event", "InvalidEvent"])
def test_taking_a_name_loads_the_pure_protocol_alone(name):
    loaded, opened = probe(f"from leadrelay import {name}")
    assert not {module.partition(".")[0] for module in loaded} & HEAVY
    assert not {module for module in loaded if module.startswith(("leadrelay.queue", "leadrelay.settings"))}
    assert opened == []


def test_the_first_call_loads_the_brokers_client(tmp_path):
    statement = "import leadrelay\nleadrelay.track_event('a')"
    loaded, opened = probe(
        statement,
        LEADRELAY_BROKER_URL="redis://127.0.0.1:1/0",
        LEADRELAY_DATASET_ID="d1",
        LEADRELAY_TIMEOUT_MS="60000",
        LEADRELAY_HOME=str(tmp_path),
    )
    assert {"redis", "leadrelay.queue", "leadrelay.settings"} <= loaded
    assert "socket.connect" in opened
