"""The queue of events, as something to publish to."""

import asyncio
from collections.abc import Sequence
from typing import Final

from celery import Celery
from kombu.exceptions import KombuError

from dispatcher.errors import StoreUnavailable
from dispatcher.ports import Parcel

HIDDEN: Final = "(…)"
"""What stands for arguments in message headers, logs and monitoring: they hold addresses."""


class CeleryQueue:
    """Publishes events as any Celery producer would.

    Args:
        app: The Celery app.
        task: The task's name.
        queue: The queue's name.
    """

    def __init__(self, app: Celery, *, task: str, queue: str) -> None:
        self._app = app
        self._task = task
        self._queue = queue

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        """Put events on the queue, each under its receipt as the message's id.

        Raises:
            StoreUnavailable: The broker did not take them; some may be there.
        """
        await asyncio.to_thread(self._publish, parcels)

    def _publish(self, parcels: Sequence[Parcel]) -> None:
        try:
            with self._app.producer_or_acquire() as producer, producer.batch():
                for parcel in parcels:
                    self._app.send_task(
                        self._task,
                        args=[parcel.event],
                        task_id=parcel.receipt,
                        queue=self._queue,
                        producer=producer,
                        ignore_result=True,
                        argsrepr=HIDDEN,
                        kwargsrepr=HIDDEN,
                    )
        except KombuError as error:
            raise StoreUnavailable("the broker does not take messages") from error
