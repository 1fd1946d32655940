"""Playing the examples: published as any Celery producer would, watched until they are settled."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any, Final
from uuid import uuid4

from celery import Celery

from dispatcher.bootstrap import Endpoints
from dispatcher.cli.demo_examples import Example, PolicyExample
from dispatcher.cli.demo_report import PolicyUpdate
from dispatcher.cli.demo_verdicts import Fate, Published, fates
from dispatcher.delivery import DeliveryFilter
from dispatcher.errors import DispatcherError
from dispatcher.ports import DeliveryLog

_POLL: Final = 0.05
"""Seconds between two looks."""


class DemoFailed(DispatcherError):
    """The demo came to no end; the text says why, and where to look."""


class Producer:
    """What an IAM would run: plain Celery, with no code of ours.

    Args:
        places: The broker; the store holds the update task's results.
    """

    def __init__(self, places: Endpoints) -> None:
        self._celery = Celery("producer", broker=places.broker_url, backend=places.store_url)

    async def update(
        self, example: PolicyExample, *, deadline: float, watch: Callable[[], None]
    ) -> PolicyUpdate:
        """Return what the update task answers.

        Args:
            example: The update.
            deadline: When to give up, on the monotonic clock.
            watch: Is called while waiting; raises where waiting is of no use.

        Raises:
            DemoFailed: It does not answer in time.
        """
        result = self._celery.send_task(
            "dispatcher.update_notification_policy",
            args=[example.org_id, example.body],
            queue="policies",
        )
        try:
            while not result.ready():
                watch()
                if monotonic() > deadline:
                    raise DemoFailed("the update task does not answer")
                await asyncio.sleep(_POLL)
            return PolicyUpdate(example, result.get())
        finally:
            result.forget()

    def publish(self, examples: Iterable[Example]) -> Published:
        """Publish the events; return each with the id of the message that carries it."""
        published = [(example, str(uuid4())) for example in examples]
        with self._celery.producer_or_acquire() as producer:
            for example, receipt in published:
                self._celery.send_task(
                    "dispatcher.password_changed",
                    args=[example.event],
                    queue="notifications",
                    task_id=receipt,
                    ignore_result=True,
                    producer=producer,
                )
        return published

    def close(self) -> None:
        """Close the connections."""
        self._celery.close()


async def settle(
    log: DeliveryLog, published: Published, *, deadline: float, seen: Callable[[int], Any]
) -> Sequence[Fate]:
    """Wait until every example has its outcome, or the deadline; return their fates.

    Args:
        log: Tells what became of the events.
        published: The examples.
        deadline: When to give up, on the monotonic clock.
        seen: Is told how many have their outcome.
    """
    while True:
        deliveries = await log.deliveries(DeliveryFilter(), limit=2 * len(published))
        found = fates(published, deliveries)
        settled = sum(fate.settled for fate in found)
        seen(settled)
        if settled == len(found) or monotonic() > deadline:
            return found
        await asyncio.sleep(_POLL)
