import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from leadrelay.cli import group


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script(shell, tmp_path):
    done = CliRunner().invoke(group, ["completion", shell])
    assert done.exit_code == 0
    assert "_LEADRELAY_COMPLETE" in done.output
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(done.output)
        assert subprocess.run([shell, "-n", script], check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [("leadrelay dea", "plain,dead"), ("leadrelay dead rep", "plain,replay"), ("leadrelay status --j", "plain,--json")],
)
def test_commands_and_options_are_completed(words, expected):
    env = {
        **os.environ,
        "_LEADRELAY_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    code = "import sys; sys.argv = ['leadrelay']; from leadrelay.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert expected in done.stdout.splitlines()


def test_another_shell_is_a_usage_error():
    assert CliRunner().invoke(group, ["completion", "tcsh"]).exit_code == 2
