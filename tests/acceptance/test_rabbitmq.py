"""The same main job with RabbitMQ as the broker and Valkey as the store."""

from collections.abc import Callable, Iterator

import pytest

from tests.acceptance import rabbitmq_node
from tests.acceptance.main_job import CHECKS
from tests.acceptance.system import System, up

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed"),
]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("rabbitmq")
    with (
        rabbitmq_node.running(tmp_path_factory.mktemp("node")) as broker,
        up(folder / "var", broker_url=broker) as running,
    ):
        yield running


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_main_job_through_rabbitmq(check: Callable[[System], None], system: System) -> None:
    check(system)
