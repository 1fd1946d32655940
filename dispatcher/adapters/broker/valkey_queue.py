"""The queue of events on a Valkey: published to past Celery's producer, on the event loop."""

from collections.abc import Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

from dispatcher.adapters.broker.sealing import Sealer
from dispatcher.errors import StoreUnavailable
from dispatcher.ports import Parcel


class ValkeyQueue:
    """Publishes events as any Celery producer would, many in one command.

    Args:
        client: The broker.
        task: The task's name.
        queue: The queue's name.
    """

    def __init__(self, client: Redis, *, task: str, queue: str) -> None:
        self._client = client
        self._queue = queue
        self._sealer = Sealer(task=task, queue=queue)

    async def publish(self, parcels: Sequence[Parcel]) -> None:
        """Put events on the queue, each under its receipt as the message's id.

        Raises:
            StoreUnavailable: The broker did not take them; they may be there.
        """
        seal = self._sealer.seal
        messages = [seal(parcel.event, task_id=parcel.receipt) for parcel in parcels]
        try:
            await self._client.lpush(self._queue, *messages)
        except (RedisError, OSError) as error:
            raise StoreUnavailable("the broker does not take messages") from error
