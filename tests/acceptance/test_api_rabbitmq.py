"""Events over HTTP while RabbitMQ is away: taken in at once, mailed once it is back."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance import rabbitmq_node
from tests.acceptance.rabbitmq_node import Node, PortMapper
from tests.acceptance.system import System, an_event, dispatcher, is_ready, up, wait_until

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed"),
]

_NUMBER = 100
_LATER = 90.0
"""Seconds: Celery waits longer from try to try until it finds its broker again."""


@pytest.fixture
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with PortMapper(tmp_path_factory.mktemp("node")) as mapper, Node(mapper) as started:
        yield started


def _api(system: System) -> httpx.Client:
    made = dispatcher("token", "create", "--org", "acme", "--role", "ORG_OWNER", env=system.env)
    bearer = {"authorization": f"Bearer {made.stdout.strip()}"}
    return httpx.Client(base_url=system.api(), headers=bearer, trust_env=False, timeout=5.0)


def test_events_are_taken_in_without_the_broker_and_mailed_once_it_is_back(
    node: Node, tmp_path: Path
) -> None:
    settings = {"http_bind": "127.0.0.1:0", "grpc_bind": "127.0.0.1:0"}
    with up(tmp_path / "var", broker_url=node.url, **settings) as system, _api(system) as api:
        policy = {"passwordChange": True}
        assert api.put("/management/v1/policies/notification", json=policy).status_code == 200
        assert api.post("/v1/events", json=an_event("before")).status_code == 202
        assert system.settled("before").state.value == "sent"

        node.kill()
        one = api.post("/v1/events", json=an_event("without"))
        assert (one.status_code, one.json()) == (202, {"accepted": 1, "duplicates": 0})
        assert one.elapsed.total_seconds() < 2.0
        many = [an_event(f"many-{number}") for number in range(_NUMBER)]
        assert api.post("/v1/events", json=many).json() == {"accepted": _NUMBER, "duplicates": 0}
        assert is_ready(str(api.base_url).rstrip("/"))
        again = api.post("/v1/events", json=many)
        assert (again.status_code, again.json()["duplicates"]) == (202, _NUMBER)

        node.start()
        wait_until(lambda: system.totals().sent == _NUMBER + 2, "all are mailed", within=_LATER)
        assert len(system.mail_files()) == _NUMBER + 2
