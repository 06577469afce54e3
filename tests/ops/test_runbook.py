"""The runbook's commands, run one after the other against a broker in the state that each page is about."""

import re
import shlex
import sys

import pytest
from leadrelay import cli
from leadrelay.cli.common import EXIT_UNREACHABLE
from leadrelay.queue import DeadLetters, Queue, Settlement, Valve
from leadrelay.queue.books import read_books
from leadrelay.queue.valve import Breaker, change

from tests.integration.test_worker import events
from tests.ops.rules import RUNBOOK, alerts

_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def commands(page):
    """Give the lines of a page's blocks, in order."""
    return [
        line.strip() for block in _BLOCK.findall((RUNBOOK / f"{page}.md").read_text()) for line in block.splitlines()
    ]


# States ------------------------------------------------------------------------------------------------------------


def nothing(queue):
    """An empty, healthy queue."""


def backlog(queue):
    queue.enqueue(events(20))


def paused(queue):
    backlog(queue)
    Valve(queue).pause("ann", "maintenance")


def slowed(queue):
    backlog(queue)
    Valve(queue).set_rate("ann", 1)


def dead(queue, reason="rejected"):
    backlog(queue)
    claim = queue.claim("w", "c", 20, 10**6, 0)
    entry = f"1700000000000:1:{reason}:http_400:12"
    queue.settle("w", "s", [Settlement(one.token, "dead", reason, entry) for one in claim.messages])
    queue.leave("w")


def stalled(queue):
    dead(queue)
    queue.run("job", "begin", "r1", "", "", "ann", "reason=rejected")


def breaker(key):
    def arrange(queue):
        backlog(queue)
        told = Breaker(key, "open", "503 for 100% of 12 attempts", 1_700_000_000_000, 1_700_000_300_000)
        change(queue, "ann", "", [("breaker", *told.arguments(record=True))])

    return arrange


def unbalanced(queue):
    backlog(queue)
    queue.client.lpop(queue.keys.name("ready"))


def late(queue):
    backlog(queue)
    queue.settle("w", "s", [Settlement("99.x", "delivered")] * 20)


def rewound(queue):
    """Accepted through a producer with a witness, then forgotten by the broker."""
    for _ in range(3):
        run("leadrelay track signup userId=7")
    queue.client.flushall()


# How each ends -----------------------------------------------------------------------------------------------------


def sends(queue):
    return read_books(queue).sending.state in ("on", "breaker half-open")


def unlimited(queue):
    return read_books(queue).sending.rate is None


def no_letters(queue):
    return not list(DeadLetters(queue).select())


def verified(_):
    return run("leadrelay verify") == 0


def as_it_was(_):
    return True


STATES = {
    "LeadrelayHeadroomLow": (paused, sends),
    "LeadrelayNoWorkers": (backlog, as_it_was),
    "LeadrelayBooksUnbalanced": (unbalanced, as_it_was),
    "LeadrelayBrokerLostEvents": (rewound, verified),
    "LeadrelayDeadLettersRising": (dead, no_letters),
    "LeadrelayPausedLong": (paused, sends),
    "LeadrelaySendingStopped": (breaker(""), sends),
    "LeadrelayWorkerStopped": (breaker("@worker/1-ab"), sends),
    "LeadrelayLagHigh": (slowed, unlimited),
    "LeadrelayWorkerStale": (backlog, verified),
    "LeadrelayBrokerFinding": (nothing, as_it_was),
    "LeadrelayOutageHeadroomLow": (dead, as_it_was),
    "LeadrelayLateSettlements": (late, as_it_was),
    "LeadrelayReplayStalled": (stalled, no_letters),
    "LeadrelaySpoolNotDraining": (nothing, as_it_was),
    "LeadrelaySpoolLost": (nothing, as_it_was),
    "LeadrelayBrokerUnreachable": (nothing, verified),
    "LeadrelayExporterDown": (backlog, as_it_was),
}


def run(line):
    """Run a command as a shell would, in this process; gives its exit code."""
    program, *arguments = shlex.split(line)
    assert program == "leadrelay"
    sys.argv = [program, *arguments]
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


@pytest.fixture
def operator(broker, client, monkeypatch, tmp_path):
    """An operator's shell; gives the queue."""
    monkeypatch.setenv("LEADRELAY_BROKER_URL", broker.url)
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    monkeypatch.setenv("LEADRELAY_TIMEOUT_MS", "5000")
    monkeypatch.setenv("LEADRELAY_DESTINATION_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.chdir(tmp_path)
    from leadrelay import tracking  # noqa: PLC0415

    monkeypatch.setattr(tracking, "_client", None)
    return Queue(client)


@pytest.mark.parametrize("page", sorted(STATES))
def test_the_commands_of_a_page_work_in_its_state(page, operator):
    arrange, over = STATES[page]
    arrange(operator)
    letter = next(iter(DeadLetters(operator).select()), None)
    lines = commands(page)
    assert lines
    for line in lines:
        code = run(line.replace("EID", letter.message.eid if letter else "0" * 32))
        assert code in (0, 1), f"{line}: exit code {code}"
    assert over(operator)


def test_every_alert_has_a_state():
    assert set(STATES) == set(alerts())


def test_a_broker_that_is_away_is_what_its_page_says(monkeypatch):
    monkeypatch.setenv("LEADRELAY_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d1")
    monkeypatch.setenv("LEADRELAY_DESTINATION_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(sys, "argv", sys.argv)
    assert {run(line) for line in commands("LeadrelayBrokerUnreachable")} == {EXIT_UNREACHABLE}


@pytest.mark.parametrize("page", sorted(STATES))
def test_a_page_has_its_parts(page):
    text = (RUNBOOK / f"{page}.md").read_text()
    headings = re.findall(r"^#+ .*$", text, re.MULTILINE)
    assert headings == [f"# {page}", "## How to see it", "## What to do", "## It is over when"]
    severity = "page" if "severity: page" in alerts()[page] else "ticket"
    assert f"\n*{severity}.* " in text
    assert f"[{page}]({page}.md) | {severity} |" in (RUNBOOK / "README.md").read_text()
    for link in re.findall(r"\]\(([^)#]+)", text):
        assert (RUNBOOK / link).exists(), link
