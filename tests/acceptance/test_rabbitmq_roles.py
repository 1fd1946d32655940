"""RabbitMQ with the permissions of deploy/rabbitmq: each role may do its work."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest
from amqp.exceptions import AccessRefused
from celery import Celery
from kombu import Connection, Exchange, Producer, Queue

from tests.acceptance import rabbitmq_node
from tests.acceptance.compose import ROOT
from tests.acceptance.rabbitmq_node import Node, PortMapper
from tests.acceptance.system import PATIENCE, System, an_event, up, wait_until
from tests.acceptance.test_api import api, token

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed"),
]

DEFINITIONS: Final = ROOT / "deploy/rabbitmq/permissions.json"


@dataclass(frozen=True, slots=True)
class Roles:
    """A broker with the roles, and a worker that has its own."""

    urls: Mapping[str, str]
    system: System


@pytest.fixture(scope="module")
def roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Roles]:
    folder = tmp_path_factory.mktemp("roles")
    with PortMapper(tmp_path_factory.mktemp("node")) as mapper, Node(mapper) as node:
        names = [each["user"] for each in json.loads(DEFINITIONS.read_text())["permissions"]]
        for name in names:
            node.control("add_user", name, f"{name}-password")
        node.control("import_definitions", str(DEFINITIONS))
        urls = {name: _as(node.url, name) for name in names}
        with up(folder / "var", broker_url=urls["worker"]) as system:
            yield Roles(urls, system)


def _as(url: str, name: str) -> str:
    return url.replace("guest:guest@", f"{name}:{name}-password@")


def test_a_producer_s_event_is_settled_and_its_garbage_put_aside(roles: Roles) -> None:
    with Celery("anybody", broker=roles.urls["producer"], set_as_current=False) as app:
        app.conf.task_create_missing_queue_type = "quorum"
        send = app.send_task
        send("dispatcher.password_changed", [an_event("evt-1")], queue="notifications")
        send("somebody.elses", [], queue="notifications")

    assert roles.system.settled("evt-1").reason == "policy_unset"
    listed = wait_until(lambda: roles.system.ask("dead", "list")["quarantine"], "it is put aside")
    assert [each["reason"] for each in listed] == ["unknown_task"]


def test_the_api_s_event_is_settled(roles: Roles, tmp_path: Path) -> None:
    store = f"redis+socket://{roles.system.folder / 'valkey' / 'valkey.sock'}"
    with api(tmp_path / "var", broker_url=roles.urls["api"], store_url=store) as running:
        bearer = token(running.env, "--org", "acme", "--role", "ORG_OWNER")
        answer = httpx.post(
            f"{running.url}/v1/events",
            json=an_event("evt-2"),
            headers={"authorization": f"Bearer {bearer}"},
            trust_env=False,
            timeout=PATIENCE,
        )
        assert answer.status_code == 202
        assert roles.system.settled("evt-2").reason == "policy_unset"


@pytest.mark.parametrize(
    ("role", "queue"),
    [
        ("producer", "dispatcher.quarantine"),
        ("api", "policies"),
        ("api", "dispatcher.quarantine"),
        ("worker", "somebody.elses"),
    ],
)
def test_a_role_reaches_no_further(roles: Roles, role: str, queue: str) -> None:
    with Connection(roles.urls[role]) as connection, pytest.raises(AccessRefused):
        Producer(connection).publish("x", exchange=Exchange(queue), declare=[Queue(queue)])
