"""The workers in Valkey: what each says of itself, what all lately did, and how much waits.

``<prefix>worker:<name>`` is a worker's last report and goes by itself; ``<prefix>workers`` has the
names in the order of their last words. ``<prefix>tally:<organization>:<h or d><number>`` is a hash
of counts in an hour by the minute, or in a day by the quarter of an hour; its fields are
``<step>:<outcome>``, and the organization "" is all of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from redis.asyncio import Redis

from dispatcher.adapters.store.connection import store_errors
from dispatcher.adapters.store.soundings import Soundings
from dispatcher.adapters.store.worker_record import decode, encode
from dispatcher.workforce import Counts, Standing, Window, WorkerReport

_ALIVE: Final = 30
"""Seconds that a worker's word counts."""

_FORGOTTEN: Final = 3_600
"""Seconds after which even the name of a worker that says nothing is forgotten."""

_TALLY: Final[Mapping[Window, tuple[str, int, int]]] = {
    Window.HOUR: ("h", 3_600, 2 * 3_600 + 600),
    Window.DAY: ("d", 86_400, 2 * 86_400 + 3_600),
}
"""A hash's letter, the seconds that it counts, and after how many it goes."""

_AT_ONCE: Final = 500
"""Counts that travel in one call."""


class ValkeyWorkforce:
    """Knows the workers, and what they lately did.

    Args:
        client: The store.
        prefix: What the names of all keys begin with.
    """

    def __init__(self, client: Redis, *, prefix: str = "nd:") -> None:
        self._client = client
        self._prefix = prefix
        self._names = f"{prefix}workers"
        self._soundings = Soundings(client, prefix=prefix)

    async def report(self, worker: WorkerReport, done: Mapping[str, Counts]) -> None:
        """Take a worker's word, which counts for half a minute.

        Raises:
            StoreUnavailable: The store did not answer; some of it may count already.
        """
        spoken = worker.reported_at.timestamp()
        with store_errors():
            async with self._client.pipeline(transaction=False) as steps:
                steps.set(self._worker(worker.name), encode(worker), ex=_ALIVE)
                steps.zadd(self._names, {worker.name: spoken})
                steps.zremrangebyscore(self._names, "-inf", spoken - _FORGOTTEN)
                steps.expire(self._names, _FORGOTTEN)
                await steps.execute()
        await self._count(worker.reported_at, done)

    async def leave(self, name: str) -> None:
        """Forget a worker: it has stopped.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        with store_errors():
            async with self._client.pipeline(transaction=False) as steps:
                steps.delete(self._worker(name))
                steps.zrem(self._names, name)
                await steps.execute()

    async def workers(self) -> Sequence[WorkerReport]:
        """Return what the living workers said last, by their names.

        Raises:
            StoreUnavailable: The store did not answer, or a report is broken.
        """
        with store_errors():
            known = await self._client.zrange(self._names, 0, -1)
            names = sorted(str(name, "utf-8") for name in known if isinstance(name, bytes))
            said = await self._client.mget([self._worker(name) for name in names]) if names else []
        return [decode(text) for text in said if text is not None]

    async def lately(self, org_id: str, window: Window, now: datetime) -> Sequence[Counts]:
        """Return what was done in each step of a window; for an organization, or "" for all.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        steps = window.steps_until(now)
        places = [self._place(org_id, window, step) for step in steps]
        keys = sorted({key for key, _ in places})
        with store_errors():
            async with self._client.pipeline(transaction=False) as asked:
                for key in keys:
                    asked.hgetall(key)
                hashes = dict(zip(keys, await asked.execute(), strict=True))
        return [dict(_counts(hashes[key], at)) for key, at in places]

    async def standing(self) -> Standing:
        """Return how much waits.

        Raises:
            StoreUnavailable: The store did not answer.
        """
        found = await self._soundings.take()
        return Standing(found.unfinished, found.oldest_due, found.dead_letters)

    async def _count(self, at: datetime, done: Mapping[str, Counts]) -> None:
        sums: Counter[tuple[str, str]] = Counter()
        ends: dict[str, int] = {}
        for org_id, counts in done.items():
            for window, (_, _, age) in _TALLY.items():
                for owner in {org_id, ""}:
                    key, step = self._place(owner, window, at)
                    ends[key] = age
                    for outcome, count in counts.items():
                        sums[key, f"{step}:{outcome}"] += count
        items = [*sums.items()]
        for start in range(0, len(items), _AT_ONCE):
            part = items[start : start + _AT_ONCE]
            with store_errors():
                async with self._client.pipeline(transaction=False) as steps:
                    for (key, name), count in part:
                        steps.hincrby(key, name, count)
                    for key in {key for (key, _), _ in part}:
                        steps.expire(key, ends[key])
                    await steps.execute()

    def _worker(self, name: str) -> str:
        return f"{self._prefix}worker:{name}"

    def _place(self, org_id: str, window: Window, at: datetime) -> tuple[str, int]:
        """Return where an instant is counted: which hash, and which step in it."""
        letter, length, _ = _TALLY[window]
        number, rest = divmod(int(at.timestamp()), length)
        step = rest // int(window.step.total_seconds())
        return f"{self._prefix}tally:{org_id}:{letter}{number}", step


def _counts(fields: Mapping[bytes, bytes], step: int) -> Iterator[tuple[str, int]]:
    mark = b"%d:" % step
    for name, count in fields.items():
        if name.startswith(mark):
            yield name[len(mark) :].decode(), int(count)
