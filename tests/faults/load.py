"""The load: events of three organizations, published on the wire as any producer may."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from time import monotonic, sleep
from typing import Any, Final
from uuid import UUID

from redis import Redis
from redis.exceptions import RedisError

from dispatcher.delivery import State
from tests.acceptance.system import an_event

QUEUE: Final = "notifications"
TASK: Final = "dispatcher.password_changed"
ORGANIZATIONS: Final = {"on": State.SENT, "off": State.SKIPPED, "unset": State.SKIPPED}
"""What an event of each ends as, when nothing but the policy decides."""
_SHARES: Final = ("on", "on", "on", "off", "unset")
_AT_ONCE: Final = 20
_AGAIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Batch:
    """Events, and the messages that carry them."""

    events: Sequence[dict[str, Any]]
    messages: Sequence[bytes]


class Load:
    """Makes events that can be told apart, from a seed.

    Args:
        seed: Decides about organizations and receipts.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._mark = f"{self._random.getrandbits(24):06x}"
        self._made = 0

    def event(self, org_id: str = "", **fields: Any) -> dict[str, Any]:
        """Return an event; of one of the three organizations where none is named."""
        self._made += 1
        name = f"f{self._mark}-{self._made}"
        return an_event(name, org_id or self._random.choice(_SHARES), **fields)

    def events(self, count: int, org_id: str = "") -> list[dict[str, Any]]:
        return [self.event(org_id) for _ in range(count)]

    def batches(self, events: Sequence[dict[str, Any]]) -> Iterator[Batch]:
        """Yield the events as messages, a few at a time, each batch to be taken as a whole."""
        for start in range(0, len(events), _AT_ONCE):
            batch = events[start : start + _AT_ONCE]
            yield Batch(batch, [self.message(event) for event in batch])

    def message(self, event: object) -> bytes:
        """Return the message that the README shows for producers without a Celery client."""
        receipt = str(UUID(int=self._random.getrandbits(128), version=4))
        headers = {"lang": "any", "task": TASK, "id": receipt, "root_id": receipt}
        properties = {
            "correlation_id": receipt,
            "delivery_mode": 2,
            "delivery_tag": receipt,
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
        }
        message = {
            "body": b64encode(json.dumps([[event], {}, {}]).encode()).decode(),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": headers | {"parent_id": None, "group": None},
            "properties": properties,
        }
        return json.dumps(message).encode()


class Publisher(threading.Thread):
    """A producer that keeps the promise from its side: repeats until the broker says yes.

    What it notes as accepted is kept outside of the system.

    Args:
        client: The broker.
        load: Makes messages of events.
        events: What to publish.
        accepted: Takes note of each event that the broker took.
        rate: Events per second; 0 is as fast as the broker takes them.
        within: Seconds after which a broker that takes nothing is a failure.
    """

    def __init__(
        self,
        client: Redis,
        load: Load,
        events: Sequence[dict[str, Any]],
        accepted: dict[str, dict[str, Any]],
        *,
        rate: float = 0.0,
        within: float = 120.0,
    ) -> None:
        super().__init__(name="publisher", daemon=True)
        self._client, self._load, self._events, self._accepted = client, load, events, accepted
        self._rate, self._within = rate, within
        self.refusals = 0
        self.failure: Exception | None = None

    def run(self) -> None:
        started, published = monotonic(), 0
        for batch in self._load.batches(self._events):
            if self._rate:
                sleep(max(started + published / self._rate - monotonic(), 0.0))
            try:
                self._insist(batch)
            except RedisError as error:
                self.failure = error
                return
            published += len(batch.events)

    def done(self) -> None:
        """Wait until all of it is accepted."""
        self.join()
        assert self.failure is None, self.failure

    def _insist(self, batch: Batch) -> None:
        deadline = monotonic() + self._within
        while True:
            try:
                self._client.lpush(QUEUE, *batch.messages)
            except RedisError:
                self.refusals += 1
                if monotonic() > deadline:
                    raise
                sleep(_AGAIN)
            else:
                self._accepted.update({event["id"]: event for event in batch.events})
                return
