"""What deploys leadrelay is valid, and says the same as the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml

OPS = Path(__file__).parents[2] / "ops"
COMPOSE = OPS.parent / "docker-compose.yml"
UNITS = sorted((OPS / "systemd").glob("*.service"))
MANIFESTS = sorted((OPS / "kubernetes").glob("*.yaml"))
BIN = Path(sys.executable).parent


def checked(*command: str | Path) -> None:
    """Run a validator; whatever it says against the file is a failure."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def documents() -> list[dict]:
    return [each for path in MANIFESTS for each in yaml.safe_load_all(path.read_text())]


def test_the_compose_file_is_valid():
    checked(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_the_dockerfile_is_valid():
    checked(BIN / "hadolint", OPS / "docker" / "Dockerfile")


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_the_manifests_are_valid(manifest):
    checked(BIN / "kubernetes-validate", "--strict", manifest)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_units_are_valid(unit, tmp_path):
    """`systemd-analyze` exits with 0 on unknown keys too: what it says on stderr counts."""
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/leadrelay/bin/leadrelay", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_with_options_that_exist(unit):
    command = re.search(r"^ExecStart=\S+/leadrelay (.+)$", unit.read_text(), re.MULTILINE)
    assert command
    name, *options = command[1].split()
    done = subprocess.run([BIN / "leadrelay", name, "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0
    assert [option for option in options if option.startswith("--") and option not in done.stdout] == []


def test_no_container_runs_as_root_or_writes_to_its_image():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert {name: service["read_only"] for name, service in services.items()} == dict.fromkeys(services, True)
    pods = [each["spec"]["template"]["spec"] for each in documents() if "template" in each.get("spec", {})]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert all(one["securityContext"]["readOnlyRootFilesystem"] for one in pod["containers"])


def test_ports_are_published_on_loopback_alone():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_whatever_stops_a_worker_waits_for_what_is_under_way():
    from leadrelay_worker.parts import _STOP_S  # noqa: PLC0415 - needs the worker's extra

    grace = [int(re.findall(r"TimeoutStopSec=(\d+)", unit.read_text())[0]) for unit in UNITS]
    grace += [
        each["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        for each in documents()
        if each["metadata"]["name"] in ("leadrelay-worker", "leadrelay-gateway") and "template" in each.get("spec", {})
    ]
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    grace += [int(services[name]["stop_grace_period"].removesuffix("s")) for name in ("worker", "gateway")]
    assert min(grace) > _STOP_S


def test_the_image_pins_all_that_the_image_needs():
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in _constraints()}
    wanted = {
        re.split(r"[\[<>=!;~ ]", need)[0].lower()
        for need in requires("leadrelay") or ()
        if re.search(r"extra == ['\"](worker|monitor|gateway|sandbox)['\"]", need) or "extra" not in need
    } - {"leadrelay"}
    assert wanted - pinned == set()


def _constraints() -> list[str]:
    lines = (OPS / "docker" / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]
