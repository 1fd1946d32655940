"""Events on a queue: as many as wanted, as fast as Valkey takes them."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID, uuid4

from redis import Redis

from dispatcher.adapters.broker.keys import Keys
from dispatcher.adapters.broker.lanes import depth, drop
from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.valkey_policies import ValkeyPolicyStore

QUEUE: Final = "notifications"
TASK: Final = "dispatcher.password_changed"
_BATCH: Final = 2000
_KEYS: Final = Keys("", "", (0,), "unacked", "unacked_index")
_STRIDE: Final = 7919
"""A prime: few events are spread over all organizations, too."""
_HEADERS: Final[dict[str, Any]] = {
    "lang": "py",
    "parent_id": None,
    "group": None,
    "retries": 0,
    "eta": None,
    "expires": None,
    "timelimit": [None, None],
    "argsrepr": "(…)",
    "kwargsrepr": "{}",
    "origin": "bench",
    "ignore_result": True,
}
_PROPERTIES: Final[dict[str, Any]] = {
    "delivery_mode": 2,
    "delivery_info": {"exchange": "", "routing_key": QUEUE},
    "priority": 0,
    "body_encoding": "base64",
}
_EMBED: Final = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


def empty(client: Redis) -> None:
    """Throw away what waits on the queue."""
    drop(client, _KEYS, QUEUE)
    client.delete(QUEUE)


def event(event_id: str, *, org: str = "acme", number: int = 0) -> dict[str, Any]:
    """Return an event that happened just now."""
    return {
        "id": event_id,
        "org_id": org,
        "user": {
            "id": str(number),
            "email": f"user{number}@bench.example",
            "display_name": "Ada Lovelace",
            "locale": "en",
        },
        "occurred_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "change": "change",
        "context": {"ip": "192.0.2.1"},
    }


def events(count: int, *, orgs: int = 1) -> Iterator[dict[str, Any]]:
    """Yield events, spread evenly over so many organizations."""
    for number in range(count):
        yield event(str(uuid4()), org=org_name(number * _STRIDE % orgs), number=number)


def org_name(number: int) -> str:
    """Return the name of an organization that `keep_policies` knows."""
    return f"org{number}"


def fill_celery_queue(client: Redis, task: str, count: int, *, orgs: int = 1) -> None:
    """Put events on Celery's queue as a producer of protocol 2 would, in bulk."""
    made = (message(task, each) for each in events(count, orgs=orgs))
    while batch := list(islice(made, _BATCH)):
        client.lpush(QUEUE, *batch)


def waiting(client: Redis) -> int:
    """Return how many messages wait on the queue, sorted or not."""
    return int(client.llen(QUEUE)) + depth(client, _KEYS, QUEUE)


def message(task: str, body: dict[str, Any]) -> bytes:
    """Return the message that carries an event, as a producer of protocol 2 writes it."""
    name = str(UUID(body["id"]))
    call = json.dumps([[body], {}, _EMBED]).encode()
    headers = _HEADERS | {"task": task, "id": name, "root_id": name}
    properties = _PROPERTIES | {"correlation_id": name, "reply_to": name, "delivery_tag": name}
    message = {
        "body": b64encode(call).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": properties,
    }
    return json.dumps(message).encode()


def keep_policies(url: str, count: int) -> None:
    """Have the store know so many organizations' own policies, all of them on."""

    async def put_all() -> None:
        client = connect(url)
        store = ValkeyPolicyStore(client)
        for start in range(0, count, _BATCH):
            numbers = range(start, min(start + _BATCH, count))
            on = {"passwordChange": True}
            await asyncio.gather(*[store.put(org_name(number), on) for number in numbers])
        await client.aclose()

    asyncio.run(put_all())
