"""How the whole installation is doing, by what the store says: read when somebody asks."""

from dataclasses import dataclass

from redis.asyncio import Redis

from dispatcher.adapters.store.connection import store_errors
from dispatcher.adapters.store.names import to_bytes


@dataclass(frozen=True, slots=True)
class Sounding:
    """What was found.

    Args:
        accepted: Events ever accepted.
        unfinished: Deliveries without an outcome yet.
        oldest_due: Seconds that the one due longest is late; 0 where none is.
        dead_letters: Dead letters kept for a person.
        uncertain: Claims that ended without a record.
    """

    accepted: int
    unfinished: int
    oldest_due: float
    dead_letters: int
    uncertain: int


class Soundings:
    """Asks the store; a question costs it microseconds, however much it keeps.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
    """

    def __init__(self, client: Redis, *, prefix: str = "nd:") -> None:
        self._client = client
        self._due, self._dead, self._totals = (f"{prefix}{name}" for name in ("due", "dead", "n"))

    async def ping(self) -> None:
        """Return once the store answers.

        Raises:
            StoreUnavailable: It does not.
        """
        with store_errors():
            await self._client.ping()

    async def take(self) -> Sounding:
        """Return how things are now.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            async with self._client.pipeline(transaction=False) as steps:
                steps.time()
                steps.zrange(self._due, 0, 0, withscores=True)
                steps.zcard(self._due)
                steps.zcard(self._dead)
                steps.hgetall(self._totals)
                (seconds, micros), first, unfinished, dead, totals = await steps.execute()
        counts = {to_bytes(name).decode(): int(number) for name, number in totals.items()}
        due_at = first[0][1] / 1000 if first else None
        late = 0.0 if due_at is None else max(seconds + micros / 1e6 - due_at, 0.0)
        return Sounding(
            accepted=counts.get("accepted", 0),
            unfinished=unfinished,
            oldest_due=late,
            dead_letters=dead,
            uncertain=counts.get("uncertain", 0),
        )
