"""Messages that were put aside because they could not be run: list, show, requeue, drop."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from json import loads
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from dispatcher.adapters.broker.qos import KEPT_BYTES
from dispatcher.errors import StoreUnavailable


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A message that was put aside.

    Attributes:
        id: What it is listed and asked for by.
        reason: Why, one word of `[a-z_]`.
        queue: The queue it was taken from.
        put_aside_at: When, by the server's clock.
        raw: Its bytes, at most 64 KiB of them; they may hold addresses.
        is_whole: Whether these are all its bytes.
    """

    id: str
    reason: str
    queue: str
    put_aside_at: datetime
    raw: bytes
    is_whole: bool


class Quarantine:
    """What was put aside on one broker.

    Args:
        client: A client for the broker, answering in bytes.
        prefix: kombu's `global_keyprefix`.
    """

    def __init__(self, client: Redis, *, prefix: str = "") -> None:
        self._client, self._prefix = client, prefix
        self._hash, self._index = f"{prefix}nd:quarantine", f"{prefix}nd:quarantine_index"

    def __len__(self) -> int:
        return int(self._ask("HLEN", self._hash))

    def list(self, *, offset: int = 0, limit: int = 100) -> Iterator[Quarantined]:
        """Yield what was put aside, newest first.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        for item in self._ask("ZRANGE", self._index, offset, offset + limit - 1, "REV"):
            found = self.show(item.decode())
            if found is not None:
                yield found

    def show(self, item: str) -> Quarantined | None:
        """Return one message, or None where it is not there (any more).

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        entry, score = self._ask("HGET", self._hash, item), self._ask("ZSCORE", self._index, item)
        if entry is None:
            return None
        meta, _, raw = entry.partition(b"\n")
        about = loads(meta)
        return Quarantined(
            id=item,
            reason=about["reason"],
            queue=about["queue"],
            put_aside_at=datetime.fromtimestamp(float(score or 0), UTC),
            raw=raw,
            is_whole=about.get("size", 0) <= len(raw) < KEPT_BYTES,
        )

    def drop(self, item: str) -> bool:
        """Forget a message for good; return whether it was there.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        self._ask("ZREM", self._index, item)
        return bool(self._ask("HDEL", self._hash, item))

    def requeue(self, item: str) -> bool:
        """Put a message back on its queue, where a cause was mended; return whether it was.

        False: it is not there, or not all of it was kept.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        found = self.show(item)
        if found is None or not found.is_whole or not found.queue:
            return False
        # Twice on the queue when we die in between, never lost.
        self._ask("LPUSH", f"{self._prefix}{found.queue}", found.raw)
        return self.drop(item)

    def _ask(self, *command: str | bytes | int) -> Any:  # noqa: ANN401 -- RESP is anything
        try:
            return self._client.execute_command(*command)
        except (RedisError, OSError) as error:
            raise StoreUnavailable("the broker does not answer") from error
