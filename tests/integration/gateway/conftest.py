"""Gateways with a broker of their own."""

import pytest
from leadrelay.queue import Queue

from tests.chaos.processes import Broker, gateway
from tests.integration.gateway.clients import Queued, environment


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def served(own_broker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    process, url = gateway(folder, environment(own_broker, folder, LEADRELAY_TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8"))
    yield Queued(process, url, Queue(own_broker.client), folder)
    process.kill()


@pytest.fixture
def here(served):
    served.queue.client.flushall()
    return served


@pytest.fixture
def started(own_broker, tmp_path):
    """Start further gateways, with other settings."""
    processes = []
    own_broker.client.flushall()

    def start(*options, **env):
        process, url = gateway(tmp_path, environment(own_broker, tmp_path, **env), *options)
        processes.append(process)
        return Queued(process, url, Queue(own_broker.client), tmp_path)

    yield start
    for process in processes:
        process.kill()
