"""What is taken, in which order, and from whom."""

import json
import uuid
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from celery import Celery

from tests.integration.broker.processes import Broker, Worker, wait_until

Start = Callable[..., Worker]


def envelope(body: Any, headers: dict[str, Any], **properties: Any) -> str:
    return json.dumps(
        {
            "body": b64encode(json.dumps(body).encode()).decode(),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": {
                "body_encoding": "base64",
                "correlation_id": str(uuid.uuid4()),
                "delivery_tag": str(uuid.uuid4()),
                "delivery_mode": 2,
                **properties,
            },
        }
    )


def test_messages_of_producers_in_other_languages_are_taken(
    broker: Broker, start: Start, producer: Celery
) -> None:
    # gocelery (protocol 1) writes null where it has no value; celery.node (protocol 2) few headers.
    go = {
        "id": str(uuid.uuid4()),
        "task": "record",
        "args": ["go"],
        "kwargs": {},
        "retries": 0,
        "eta": None,
        "expires": None,
    }
    delivery = {"priority": 0, "routing_key": "notifications", "exchange": "notifications"}
    broker.client.lpush(
        "notifications",
        envelope(go, None, reply_to=str(uuid.uuid4()), delivery_info=delivery),  # type: ignore[arg-type]  # a null on purpose
    )
    node = [["node"], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    headers = {"lang": "js", "task": "record", "id": str(uuid.uuid4()), "argsrepr": "['node']"}
    broker.client.lpush("notifications", envelope(node, headers, priority=0))
    plain = json.loads(envelope(node, headers))
    plain["body"] = json.dumps([["plain"], {}, None])
    plain["properties"]["body_encoding"] = "utf-8"
    broker.client.lpush("notifications", json.dumps(plain))
    producer.send_task("record", args=["python"], queue="notifications")
    producer.send_task("record", args=["urgent"], queue="notifications", priority=9)

    start().ready()
    wait_until(lambda: len(broker.done()) == 5, what="all done")

    assert sorted(broker.done()) == ["go", "node", "plain", "python", "urgent"]
    wait_until(lambda: broker.held() == 0, what="settled")


def test_policies_do_not_wait_behind_events_in_flight(
    broker: Broker, start: Start, producer: Celery
) -> None:
    start("-c 2").ready()
    for number in range(10):
        producer.send_task("hold", args=[f"event{number}", 30.0], queue="notifications")
    wait_until(lambda: len(broker.done("begun")) == 2, what="events use up their credit")

    for number in range(5):
        producer.send_task("record", args=[f"policy{number}"], queue="policies")

    wait_until(lambda: len(broker.done()) == 5, 5, "policies done")
    assert broker.queued() == 8


def test_credit_bounds_what_is_taken(broker: Broker, start: Start, producer: Celery) -> None:
    for number in range(50):
        producer.send_task("hold", args=[f"m{number}", 0.05], queue="notifications")
    start("-c 3").ready()
    while len(broker.done()) < 50:
        assert broker.held() <= 3
    wait_until(lambda: broker.held() == 0, what="settled")
    assert sorted(broker.done()) == sorted(f"m{number}" for number in range(50))


def test_a_key_prefix_separates_installations(
    broker: Broker, start: Start, producer: Celery
) -> None:
    start(TEST_PREFIX="a:").ready()
    producer.conf.broker_transport_options = {"global_keyprefix": "a:"}
    broker.client.lpush("notifications", "of somebody else")
    broker.client.lpush("a:notifications", "garbage")
    producer.send_task("record", args=["mine"], queue="notifications")

    wait_until(lambda: broker.done() == ["mine"], what="done")
    wait_until(lambda: broker.client.hlen("a:nd:quarantine") == 1, what="put aside")
    wait_until(lambda: broker.client.hlen("a:unacked") == 0, what="settled")
    assert broker.queued() == 1


def test_lost_scripts_are_loaded_again(broker: Broker, start: Start, producer: Celery) -> None:
    start().ready()
    producer.send_task("record", args=["before"], queue="notifications")
    wait_until(lambda: broker.done() == ["before"], what="done")
    broker.client.script_flush()
    producer.send_task("record", args=["after"], queue="notifications")
    wait_until(lambda: broker.done() == ["before", "after"], what="done")


def test_connections_killed_again_and_again_repeat_nothing(
    broker: Broker, start: Start, producer: Celery
) -> None:
    start("-c 4").ready()
    for number in range(40):
        producer.send_task("hold", args=[f"m{number}", 0.2], queue="notifications")
    for expected in (4, 12, 20, 28):
        wait_until(lambda n=expected: len(broker.done()) >= n, 30, "progress")  # type: ignore[misc]  # mypy types no lambda defaults
        broker.client.client_kill_filter(_type="normal", skipme=True)
    wait_until(lambda: len(broker.done()) >= 40, 30, "all done")
    wait_until(lambda: broker.held() + broker.queued() == 0, what="settled")
    assert sorted(broker.done()) == sorted(f"m{number}" for number in range(40))
