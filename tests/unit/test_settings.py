import logging
import os
import pwd
import subprocess
import sys
from dataclasses import MISSING, fields, replace
from pathlib import Path

import pytest
from leadrelay.errors import ConfigurationError
from leadrelay.settings import TABLE, Settings


def test_table_and_fields_agree():
    assert {setting.name: setting.default for setting in TABLE} == {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(Settings)
    }


@pytest.mark.parametrize("home", ["~/x", Path("~/x")])
def test_a_home_is_never_a_folder_called_tilde(home, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings(home=home).home == tmp_path / "x"
    assert replace(Settings(), home=home).home == tmp_path / "x"
    assert Settings.load({"LEADRELAY_HOME": str(home)}).home == tmp_path / "x"
    assert Settings.load({}).home == tmp_path / ".leadrelay"


def test_a_home_stays_where_it_is_when_the_process_moves(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert Settings(home="data").home == tmp_path / "data"


def test_a_user_without_a_home_folder_raises_nothing(monkeypatch):
    def nobody(_):
        raise KeyError

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert Settings.load({}).home == Path("/.leadrelay")


def test_a_namespace_is_one_folder_in_the_home():
    assert Settings(namespace="leadrelay").label() == "leadrelay-embedded"
    assert "/" not in Settings(namespace="../shop/eu").label()


def test_every_setting_is_documented():
    text = (Path(__file__).parent.parent.parent / "docs" / "settings.md").read_text()
    assert not [setting.name for setting in TABLE if f"LEADRELAY_{setting.name.upper()}" not in text]


def test_a_bad_value_names_the_variable_and_not_the_value():
    with pytest.raises(ConfigurationError, match="LEADRELAY_TIMEOUT_MS") as caught:
        Settings.load({"LEADRELAY_TIMEOUT_MS": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_secrets_by_file(tmp_path):
    file = tmp_path / "url"
    file.write_text("redis://:secret@localhost/0\n")
    loaded = Settings.load({"LEADRELAY_BROKER_URL_FILE": str(file)})
    assert loaded.broker_url == "redis://:secret@localhost/0"
    assert "secret@" not in repr(loaded)
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name in ("missing", "bytes"):
        with pytest.raises(ConfigurationError, match="LEADRELAY_BROKER_URL_FILE"):
            Settings.load({"LEADRELAY_BROKER_URL_FILE": str(tmp_path / name)})
        Settings.load({"LEADRELAY_BROKER_URL_FILE": str(tmp_path / name)}, lenient=True)


@pytest.mark.parametrize("secret", ["gehëim", "a\tb", " hunter2", "hunter2\n"])
@pytest.mark.parametrize("name", ["LEADRELAY_GATEWAY_SECRET", "LEADRELAY_API_KEY"])
def test_a_secret_that_no_header_carries_for_sure_is_refused_and_not_shown(name, secret):
    with pytest.raises(ConfigurationError, match=name) as caught:
        Settings.load({name: secret})
    assert secret not in str(caught.value)


@pytest.mark.parametrize("name", ["LEADRELAY_LANE_SECRET", "LEADRELAY_DATASET_ID", "LEADRELAY_API_EMAIL"])
def test_bytes_that_are_no_text_are_refused(name):
    with pytest.raises(ConfigurationError, match=name):
        Settings.load({name: os.fsdecode(b"gehe\xebim")})


def test_a_password_that_breaks_the_url_is_refused_and_not_shown():
    with pytest.raises(ConfigurationError, match="LEADRELAY_BROKER_URL") as caught:
        Settings.load({"LEADRELAY_BROKER_URL": "redis://:pa/ss@broker:6379/0"})
    assert "ss@" not in str(caught.value)


def test_unknown_names_are_reported_with_the_near_one(caplog):
    with caplog.at_level(logging.WARNING):
        Settings.load({"LEADRELAY_DATASETID": "x"})
    assert "did you mean LEADRELAY_DATASET_ID" in caplog.text


def test_lists_and_spans():
    loaded = Settings.load({"LEADRELAY_ALLOW": "eviction, replica", "LEADRELAY_DEAD_MAX_AGE": "90d"})
    assert loaded.allow == {"eviction", "replica"}
    assert loaded.dead_max_age == 90 * 86400
    assert Settings.load({"LEADRELAY_LANE_PATIENCE": "2h"}).lane_patience == 7200
    assert Settings.load({"LEADRELAY_LANE_PATIENCE": "off"}).lane_patience is None
    assert Settings.load({"LEADRELAY_LANE_PLACEHOLDERS": "Kiosk, shop@b.c,"}).lane_placeholders == {"kiosk", "shop@b.c"}
    for name, value in (("ALLOW", "eviction,all"), ("DEAD_MAX_AGE", "90"), ("DEAD_MAX", "0")):
        with pytest.raises(ConfigurationError, match=name):
            Settings.load({f"LEADRELAY_{name}": value})


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:8012", ("0.0.0.0", 8012)),
        ("8012", ("127.0.0.1", 8012)),
        (":0", ("127.0.0.1", 0)),
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_an_address_without_a_host_is_loopback(text, address):
    assert Settings.load({"LEADRELAY_HTTP": text}).http == address


@pytest.mark.parametrize("text", ["localhost", "h:99999", "h:x"])
def test_an_address_needs_a_port(text):
    with pytest.raises(ConfigurationError, match="LEADRELAY_HTTP"):
        Settings.load({"LEADRELAY_HTTP": text})


WRONG_URLS = (
    "redis://:hunt/er2hunter2@localhost/0", "redis://:hunt#er2hunter2@localhost/0", "redis://u:hunter2@localhost:99999/0",
    "http://u:hunter2@localhost/", "u:hunter2@localhost:6379", "redis://:hunter2@localhost:port/0", "redis://[hunter2",
)  # fmt: skip


@pytest.mark.parametrize("url", WRONG_URLS)
@pytest.mark.parametrize("by_file", [False, True])
def test_a_wrong_url_is_a_sentence_without_its_password(tmp_path, url, by_file):
    """urllib's own messages hold parts of it."""
    (tmp_path / "url").write_text(url)
    given = {"LEADRELAY_BROKER_URL_FILE": str(tmp_path / "url")} if by_file else {"LEADRELAY_BROKER_URL": url}
    env = {**{name: value for name, value in os.environ.items() if not name.startswith("LEADRELAY_")}, **given}
    done = subprocess.run(
        [sys.executable, "-m", "leadrelay", "status"], env=env, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode in (1, 2), said
    assert "LEADRELAY_BROKER_URL" in said
    assert "Traceback" not in said
    assert "hunt" not in said


def test_every_setting_may_come_from_a_file(tmp_path):
    file = tmp_path / "value"
    for setting in TABLE:
        if setting.read is str:
            file.write_text("of a file\n")
            loaded = Settings.load({f"LEADRELAY_{setting.name.upper()}_FILE": str(file)})
            assert getattr(loaded, setting.name) == "of a file"
            assert "of a file" not in f"{loaded!r} {loaded}"
