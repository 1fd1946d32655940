"""What is put on the queue of events, whichever way: Celery's own producer says how it looks."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from redis import Redis

from dispatcher.adapters.broker.envelope import open_envelope
from dispatcher.adapters.broker.queue import CeleryQueue
from dispatcher.adapters.broker.valkey_queue import ValkeyQueue
from dispatcher.adapters.store.connection import connect
from dispatcher.errors import StoreUnavailable
from dispatcher.ports import Parcel
from tests.builders import a_raw_event
from tests.integration.store.valkey_server import running_valkey

TASK, QUEUE = "dispatcher.password_changed", "notifications"
OWN = {"delivery_tag", "reply_to"}
"""What each message, or each producer, has for itself."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture
def broker(url: str) -> Iterator[Redis]:
    with Redis.from_url(url) as client:
        client.flushall()
        yield client


def parcels(*receipts: str, **fields: Any) -> list[Parcel]:
    return [Parcel(receipt, a_raw_event(id=receipt, **fields)) for receipt in receipts]


def published_by_celery(url: str, what: Sequence[Parcel]) -> None:
    app = Celery("producer", broker=url.replace("unix://", "redis+socket://"))
    app.conf.update(task_default_queue=QUEUE)
    with app:
        asyncio.run(CeleryQueue(app, task=TASK, queue=QUEUE).publish(what))


def published_by_us(url: str, what: Sequence[Parcel]) -> None:
    async def publish() -> None:
        client = connect(url)
        try:
            await ValkeyQueue(client, task=TASK, queue=QUEUE).publish(what)
        finally:
            await client.aclose()

    asyncio.run(publish())


def messages(broker: Redis) -> list[dict[str, Any]]:
    """Return what is on the queue, first published first, bodies decoded."""
    found = [json.loads(each) for each in broker.lrange(QUEUE, 0, -1)][::-1]
    for each in found:
        each["body"] = json.loads(b64decode(each["body"]))
        assert all(each["properties"].pop(name) for name in OWN)
    return found


@pytest.mark.parametrize("fields", [{}, {"source": "Zürich 💌 \ud800"}], ids=["plain", "unicode"])
def test_a_message_is_the_one_that_celery_writes_field_by_field(
    url: str, broker: Redis, fields: dict[str, Any]
) -> None:
    published_by_celery(url, parcels("r-1", **fields))
    theirs = messages(broker)
    broker.flushall()

    published_by_us(url, parcels("r-1", **fields))

    assert messages(broker) == theirs
    assert len(theirs) == 1


def test_many_go_out_in_order_each_with_a_tag_of_its_own(url: str, broker: Redis) -> None:
    receipts = [f"r-{number}" for number in range(500)]

    published_by_us(url, parcels(*receipts))

    raw = broker.lrange(QUEUE, 0, -1)[::-1]
    opened = [open_envelope(each, {TASK}) for each in raw if isinstance(each, bytes)]
    assert [each.task_id for each in opened] == receipts
    assert [each.call[0][0]["id"] for each in opened] == receipts
    assert len({each.outer["properties"]["delivery_tag"] for each in opened}) == len(receipts)


def test_a_broker_that_is_away_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="broker"):
        published_by_us(f"unix://{tmp_path / 'nobody.sock'}", parcels("r-1"))


def test_a_broker_that_refuses_is_told_of(url: str, broker: Redis) -> None:
    broker.set(QUEUE, "not a list")

    with pytest.raises(StoreUnavailable, match="broker"):
        published_by_us(url, parcels("r-1"))
