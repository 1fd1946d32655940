"""Streams of Redis or Valkey: workers share them as one consumer group.

Vendor errors stop here: what leaves is :class:`~dispatcher.errors.FeedUnavailable`.
"""

import asyncio
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from dispatcher.connection import Connection
from dispatcher.errors import FeedUnavailable, MalformedEvent
from dispatcher.sources.fetching import STREAM_URL, Take
from dispatcher.sources.hook import Call

_AT_ONCE: Final = 64
_BLOCK: Final = 1.0
"""Seconds that the server waits for an entry: stopping takes no longer."""

_TIMEOUT: Final = 10.0
_RESCUE: Final = 15.0
"""Seconds between looks for entries of the dead."""

_DEAD: Final = 60.0
"""Seconds after which an entry that was taken and not acknowledged is anybody's."""

_GONE: Final = 3_600.0
"""Seconds after which a consumer that has nothing is forgotten."""

_KNOWN: Final = "BUSYGROUP"

Entry = tuple[bytes, Mapping[bytes, bytes] | None]


class StreamFeed:
    """Takes a stream's entries; its other fields count as headers, such as ``content-type``.

    Args:
        connection: Whose options say where, and whose secret is the password.
        dead: Seconds after which another worker's entry is taken over.
    """

    is_for_one = False

    def __init__(self, connection: Connection, *, dead: float = _DEAD) -> None:
        options = connection.options
        self._url = options[STREAM_URL]
        self._password = connection.secrets[0] if connection.secrets else None
        self._stream, self._group = options["stream"], options.get("group", "dispatcher")
        self._field = options.get("field", "event").encode()
        self._consumer = f"{socket.gethostname()}-{os.getpid()}-{token_hex(3)}"
        self._dead = dead

    async def run(self, take: Take, stopping: asyncio.Event) -> None:
        """Hand on the stream's entries, and acknowledge them, until *stopping* is set."""
        client = self._client()
        clock, rescue_at = asyncio.get_running_loop().time, 0.0
        try:
            with _feed_errors():
                await self._join(client)
                while not stopping.is_set():
                    if clock() >= rescue_at:
                        await self._rescue(client, take, stopping)
                        rescue_at = clock() + min(_RESCUE, self._dead)
                    await self._take_all(client, await self._read(client), take)
                await self._leave(client)
        finally:
            await client.aclose()

    def _client(self) -> Redis:
        try:
            client: Redis = Redis.from_url(
                self._url,
                password=self._password,
                socket_timeout=_TIMEOUT,
                socket_connect_timeout=_TIMEOUT,
                retry=Retry(NoBackoff(), 0),
                protocol=2,  # replies of one form, whatever the server can
            )
        except ValueError as error:
            raise FeedUnavailable("stream_url cannot be read: check port and database") from error
        return client

    async def _join(self, client: Redis) -> None:
        """Make the group where it is missing, from the stream's beginning: nothing is left out."""
        try:
            await client.xgroup_create(self._stream, self._group, "0", mkstream=True)
        except ResponseError as error:
            # Whoever may not make groups had it made by somebody else, or else hears NOGROUP next.
            if not str(error).startswith((_KNOWN, "NOPERM")):
                raise

    async def _read(self, client: Redis) -> Sequence[Entry]:
        read: Any = await client.xreadgroup(
            self._group,
            self._consumer,
            {self._stream: ">"},
            count=_AT_ONCE,
            block=int(_BLOCK * 1000),
        )
        return [entry for _, entries in read for entry in entries]

    async def _take_all(self, client: Redis, entries: Sequence[Entry], take: Take) -> None:
        """Take entries; whatever keeps us from the rest, what is durable is acknowledged."""
        durable: list[bytes] = []

        async def taken(entry: Entry) -> None:
            number, fields = entry
            if fields is not None:  # else it was trimmed away before it was taken
                with suppress(MalformedEvent):  # told, counted, and never to be tried again
                    await take(*self._brought(fields))
            durable.append(number)

        try:
            await asyncio.gather(*map(taken, entries))
        finally:
            if durable:
                await client.xack(self._stream, self._group, *durable)

    def _brought(self, fields: Mapping[bytes, bytes]) -> tuple[bytes, Call]:
        content = fields.get(self._field, b"")
        headers = {
            name.decode(errors="replace").lower(): value.decode(errors="replace")
            for name, value in fields.items()
            if name != self._field
        }
        return content, Call(content, headers)

    async def _rescue(self, client: Redis, take: Take, stopping: asyncio.Event) -> None:
        """Take what others took and did not acknowledge; forget those that are gone."""
        start: bytes = b"0-0"
        while not stopping.is_set():
            start, found, *_ = await client.xautoclaim(
                *(self._stream, self._group, self._consumer),
                min_idle_time=int(self._dead * 1000),
                start_id=start,
                count=_AT_ONCE,
            )
            await self._take_all(client, [entry for entry in found if entry[0]], take)
            if start == b"0-0":
                break
        for each in await client.xinfo_consumers(self._stream, self._group):
            if each["pending"] == 0 and each["idle"] > _GONE * 1000:
                await self._forget(client, each["name"])

    async def _leave(self, client: Redis) -> None:
        mine = self._consumer.encode()
        for each in await client.xinfo_consumers(self._stream, self._group):
            if each["name"] == mine and each["pending"] == 0:
                await self._forget(client, mine)

    async def _forget(self, client: Redis, consumer: bytes) -> None:
        await client.xgroup_delconsumer(self._stream, self._group, consumer)


@contextmanager
def _feed_errors() -> Iterator[None]:
    try:
        yield
    except ResponseError as error:
        code = str(error).partition(" ")[0]
        raise FeedUnavailable(f"the stream's server refused: {code}") from error
    except (RedisError, OSError) as error:
        raise FeedUnavailable(f"no answer from the stream: {type(error).__name__}") from error
