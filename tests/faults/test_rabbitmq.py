"""RabbitMQ as the broker, killed, stopped, choked and cut off."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance import rabbitmq_node
from tests.acceptance.rabbitmq_node import Node, PortMapper
from tests.faults.audit import Bounds
from tests.faults.conftest import Record
from tests.faults.load import QUEUE
from tests.faults.rabbit import CeleryPublisher, Cluster
from tests.faults.scenario import CONCURRENCY, Scenario
from tests.faults.test_workers import WAVE, hold_answers
from tests.faults.workers import pause

pytestmark = [
    pytest.mark.faults,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed"),
]


@pytest.fixture
def mapper(tmp_path: Path) -> Iterator[PortMapper]:
    with PortMapper(tmp_path) as made:
        yield made


@pytest.fixture
def node(mapper: PortMapper) -> Iterator[Node]:
    with Node(mapper) as made:
        yield made


def killed(node: Node) -> None:
    node.kill()
    pause(1.0)
    node.start()


def stopped(node: Node) -> None:
    node.control("stop_app")
    node.control("start_app")


def choked(node: Node) -> None:
    node.control("set_vm_memory_high_watermark", "absolute", "1MB")
    pause(3.0)
    node.control("set_vm_memory_high_watermark", "0.6")


def cut_off(node: Node) -> None:
    node.control("close_all_connections", "a fault")


@pytest.mark.parametrize("fault", [killed, stopped, choked, cut_off], ids=lambda f: f.__name__)
def test_f34_what_befalls_rabbitmq_loses_nothing(
    scenario: Scenario, node: Node, record: Record, fault: Callable[[Node], None]
) -> None:
    publisher = _under_load(scenario, node.url)
    fault(node)
    publisher.done()

    bounds = Bounds(duplicates=CONCURRENCY, recovery=30)
    record(scenario.settle("F34", f"RabbitMQ {fault.__name__.replace('_', ' ')}", bounds))
    scenario.end()


def test_f30_a_store_that_is_away_while_the_broker_delivers_is_waited_for(
    scenario: Scenario, node: Node, record: Record
) -> None:
    publisher = _under_load(scenario, node.url)
    scenario.broker.kill()  # here it is the store only
    pause(5.0)
    scenario.broker.start()
    publisher.done()

    bounds = Bounds(duplicates=0, recovery=30)
    record(scenario.settle("F30", "store killed while RabbitMQ delivers", bounds))
    scenario.end()


@pytest.mark.timeout(600)
def test_f35_a_quorum_that_loses_its_leader_elects_another_and_loses_nothing(
    scenario: Scenario, mapper: PortMapper, record: Record
) -> None:
    with Cluster(mapper) as cluster:
        publisher = _under_load(scenario, cluster.url)
        leader = cluster.leader(QUEUE)
        assert publisher.is_alive(), "it dies amid the load"
        leader.kill()
        publisher.done()
        row = scenario.settle(
            "F35",
            "RabbitMQ, 3 nodes: kill -9 of the queue's leader",
            Bounds(duplicates=CONCURRENCY, recovery=30),
        )
        record(row)
        scenario.end()


def _under_load(scenario: Scenario, url: str) -> CeleryPublisher:
    """Return a producer that is amid its events, once the relay has some of them."""
    hold_answers(scenario, 0.1)
    store = f"redis+socket://{scenario.broker.socket}?virtual_host=0"
    scenario.start(broker_url=url, store_url=store).ready()
    events = scenario.load.events(WAVE * 3)
    publisher = CeleryPublisher(url, events, scenario.accepted, rate=WAVE / 4)
    publisher.start()
    scenario.relay_has(10)
    return publisher
