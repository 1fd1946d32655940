"""A Valkey, workers and a producer for each test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery

from tests.integration.broker.processes import Broker, Worker


@pytest.fixture
def broker() -> Iterator[Broker]:
    # Not tmp_path: socket paths may have 107 bytes only.
    folder = Path(tempfile.mkdtemp(prefix="nd"))
    broker = Broker(folder)
    broker.start()
    yield broker
    broker.client.close()
    broker.kill()
    shutil.rmtree(folder)


@pytest.fixture
def start(broker: Broker) -> Iterator[Callable[..., Worker]]:
    """Start a worker; `start("-c 4", TEST_ENGINE="stock")`."""
    with ExitStack() as stack:

        def start(arguments: str = "-c 4", **environment: str) -> Worker:
            worker = Worker(broker, arguments, **environment)
            stack.callback(worker.close)
            return worker

        yield start


@pytest.fixture
def producer(broker: Broker) -> Iterator[Celery]:
    """Any Celery producer: an app of its own on stock kombu."""
    app = Celery("producer", broker=f"redis+socket://{broker.socket}?virtual_host=0")
    app.conf.update(task_ignore_result=True, task_default_queue="notifications")
    yield app
    app.close()
