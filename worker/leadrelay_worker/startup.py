"""Before a worker begins: it refuses a broker that would lose or refuse everything, and warns of the rest."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from celery.exceptions import WorkerShutdown
from leadrelay.broker import connect
from leadrelay.doctor import Facts, broker_facts, examine
from leadrelay.errors import BrokerUnavailable
from leadrelay.settings import REFUSALS
from redis import exceptions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leadrelay.doctor import Finding
    from leadrelay.doctor.facts import BrokerFacts
    from leadrelay.settings import Settings

logger = logging.getLogger(__name__)

#: Seconds for each call of the examination.
TIMEOUT_S = 5.0


def refused(findings: Iterable[Finding], allowed: frozenset[str]) -> list[Finding]:
    """Give the problems on which a worker does not start, less those that `LEADRELAY_ALLOW` names."""
    return [
        finding
        for finding in findings
        if finding.level == "problem" and finding.check in REFUSALS and finding.check not in allowed
    ]


class LookAtBroker(bootsteps.StartStopStep):
    """Judges the broker once, before anything is asked of it; one that is away, when the connection first stands.

    Not again after a reconnect, which may meet a failover under way. `refused` says so to the command line: Celery's
    `worker_main` swallows exit codes.
    """

    requires = ("celery.worker.consumer.connection:Connection",)
    refused = False
    _looked = False

    def __init__(self, consumer: Any, **options: Any) -> None:
        """Look; raises WorkerShutdown to refuse."""
        super().__init__(consumer, **options)
        self._look(consumer)

    def start(self, consumer: Any) -> None:
        """Look if the broker was away before; events are claimed only after all steps have started."""
        self._look(consumer)

    def _look(self, consumer: Any) -> None:
        if LookAtBroker._looked:
            return
        client = connect(consumer.app.conf.broker_url, TIMEOUT_S)
        try:
            facts = broker_facts(client)
        except BrokerUnavailable:
            return
        except exceptions.RedisError as error:
            logger.warning("the broker could not be examined (%s); see `leadrelay doctor`", type(error).__name__)
            return
        finally:
            client.close()
        LookAtBroker._looked = True
        self._judge(consumer.app.leadrelay, facts)

    def _judge(self, settings: Settings, broker: BrokerFacts) -> None:
        facts = Facts(settings.namespace, settings.dataset_id, settings.timeout_ms / 1000, broker=broker)
        findings = [finding for finding in examine(facts) if finding.level != "ok"]
        refusals = refused(findings, settings.allow)
        for finding in findings:
            log = logger.error if finding in refusals else logger.warning
            log("%s: %s: %s; %s", finding.check, finding.what, finding.why, finding.do)
        if refusals:
            LookAtBroker.refused = True
            named = ",".join(finding.check for finding in refusals)
            logger.error("this worker does not start; LEADRELAY_ALLOW=%s starts it all the same", named)
            raise WorkerShutdown(1)
