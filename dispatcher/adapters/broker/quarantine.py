"""Messages that were put aside because they could not be run: list, show, requeue, drop."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from json import loads
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from dispatcher.adapters.broker.keys import QUARANTINE, QUARANTINE_INDEX, QUARANTINE_TOTALS
from dispatcher.adapters.broker.scripts import script
from dispatcher.errors import StoreUnavailable

_UNLISTED: Final = b"unlisted:"


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

    It holds 10,000 messages and 64 MiB of their bytes at most. Beyond the bytes, a message is
    listed without its own; beyond the messages, it is only counted: see `unlisted`.

    Args:
        client: A client for the broker, answering in bytes.
        prefix: kombu's `global_keyprefix`.
    """

    def __init__(self, client: Redis, *, prefix: str = "") -> None:
        self._client, self._prefix = client, prefix
        self._hash, self._index = f"{prefix}{QUARANTINE}", f"{prefix}{QUARANTINE_INDEX}"
        self._totals = f"{prefix}{QUARANTINE_TOTALS}"

    def __len__(self) -> int:
        return int(self._ask("HLEN", self._hash))

    def unlisted(self) -> Mapping[str, int]:
        """Return, by reason, how many were dropped and only counted: the quarantine was full.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        totals: Mapping[bytes, bytes] = self._ask("HGETALL", self._totals)
        return {
            name.removeprefix(_UNLISTED).decode(): int(count)
            for name, count in totals.items()
            if name.startswith(_UNLISTED)
        }

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
            is_whole=about["size"] == len(raw),
        )

    def drop(self, item: str) -> bool:
        """Forget a message for good; return whether it was there.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        return self._release(item)

    def requeue(self, item: str) -> bool:
        """Put a message back on its queue, where a cause was mended; return whether it was.

        False: it is not there, or not all of it was kept.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        found = self.show(item)
        if found is None or not found.queue:
            return False
        return self._release(item, f"{self._prefix}{found.queue}")

    def _release(self, item: str, *queue: str) -> bool:
        keys = (self._hash, self._index, self._totals, *queue)
        return bool(self._ask("EVAL", script("release").text, len(keys), *keys, item))

    def _ask(self, *command: str | bytes | int) -> Any:  # noqa: ANN401 -- RESP is anything
        try:
            return self._client.execute_command(*command)
        except (RedisError, OSError) as error:
            raise StoreUnavailable("the broker does not answer") from error
