"""A primary that dies: Sentinel promotes its replica, and the worker goes on there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery

from tests.integration.broker.processes import Broker, Worker, wait_until
from tests.integration.broker.sentinels import Cluster

Start = Callable[..., Worker]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.mark.faults
def test_the_worker_follows_the_promoted_replica_and_repeats_nothing(
    broker: Broker, start: Start, cluster: Cluster
) -> None:
    url = f"sentinel://127.0.0.1:{cluster.sentinel}"
    start("-c 2", TEST_URL=url, TEST_MASTER="main").ready()
    with Celery("producer", broker=f"redis://127.0.0.1:{cluster.primary}/0") as producer:
        for number in range(6):
            producer.send_task("hold", args=[f"m{number}", 3.0], queue="notifications")
    wait_until(lambda: len(broker.done("begun")) == 2, what="two begun")
    with cluster.client(cluster.primary) as client:
        assert client.wait(1, 5000) == 1
    cluster.kill_primary()

    wait_until(lambda: len(set(broker.done())) == 6, 60, "all done")
    assert sorted(broker.done()) == [f"m{number}" for number in range(6)]
    with cluster.client(cluster.replica) as client:
        wait_until(lambda: client.hlen("unacked") + client.llen("notifications") == 0)
