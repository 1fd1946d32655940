"""A line to Valkey: one connection that everybody's commands travel over, none waiting for another.

redis-py opens it (TLS, sockets, users) and closes it with its pool. What redis-py does in between
for each command, to lend a connection, check it and wait, costs three times what the command does.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import hiredis
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.exceptions import ConnectionError as LineBroken
from redis.exceptions import InvalidResponse, ResponseError
from redis.exceptions import TimeoutError as LineSilent

Command = tuple[str | bytes | int | float, ...]
"""Its name, one word, and its arguments."""

_NOTHING: Final = object()
_lines: "Final[WeakKeyDictionary[Redis, Line]]" = WeakKeyDictionary()


def line_of(client: Redis) -> "Line":
    """Return a client's line; it has one, however often it is asked for."""
    if client not in _lines:
        _lines[client] = Line(client.connection_pool)
    return _lines[client]


class Line:
    """Sends commands as they come, and hands everybody the replies to theirs.

    Args:
        pool: Where its connection comes from, and goes with.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._opening = asyncio.Lock()
        self._connection: AbstractConnection | None = None
        self._session: _Session | None = None

    async def ask(self, *commands: Command) -> Sequence[Any]:
        """Return the replies to commands that are sent at once.

        Raises:
            ResponseError: The first of the commands that the server refused; all were tried.
            RedisError: There is no answer; they may have been carried out.
            OSError: The same.
        """
        session = self._session
        if session is None or session.is_over:
            session = await self._opened()
        replies = await session.ask(commands)
        for reply in replies:
            if isinstance(reply, ResponseError):
                raise reply
        return replies

    async def _opened(self) -> "_Session":
        async with self._opening:
            if self._session is None or self._session.is_over:
                await self._let_go()
                self._session = await self._open()
            return self._session

    async def _open(self) -> "_Session":
        # redis-py leaves it untyped.
        connection: AbstractConnection = await self._pool.get_connection()  # type: ignore[no-untyped-call]
        self._connection = connection
        writer = connection._writer  # noqa: SLF001 - redis-py shows it nowhere else
        if writer is None:
            raise LineBroken("the connection was closed as soon as it was opened")
        patience: float = self._pool.connection_kwargs["socket_timeout"]
        return _Session(writer.transport, connection, patience)

    async def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)


class _Asked:
    """Commands on their way."""

    __slots__ = ("answer", "at", "number", "replies")

    def __init__(self, number: int, answer: "asyncio.Future[list[Any]]", at: float) -> None:
        self.number = number
        self.answer = answer
        self.at = at
        self.replies: list[Any] = []


class _Session(asyncio.Protocol):
    """One connection, from when it was opened until it is closed."""

    def __init__(
        self, transport: asyncio.WriteTransport, connection: AbstractConnection, patience: float
    ) -> None:
        self.is_over = False
        self._transport = transport
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._asked: deque[_Asked] = deque()
        self._watch: asyncio.TimerHandle | None = None
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse,
            replyError=connection._parser.parse_error,  # noqa: SLF001 - so that errors are redis-py's
            notEnoughData=_NOTHING,
        )
        self._former = transport.get_protocol()
        transport.set_protocol(self)

    def ask(self, commands: Sequence[Command]) -> "asyncio.Future[list[Any]]":
        """Send commands; return their replies to come."""
        answer: asyncio.Future[list[Any]] = self._loop.create_future()
        now = self._loop.time()
        self._asked.append(_Asked(len(commands), answer, now))
        # The stub knows tuples of one element only.
        packed = [hiredis.pack_command(command) for command in commands]  # type: ignore[arg-type]
        self._transport.write(packed[0] if len(packed) == 1 else b"".join(packed))
        if self._watch is None:
            self._watch = self._loop.call_at(now + self._patience, self._look)
        return answer

    def data_received(self, data: bytes) -> None:
        """Hand out what has come."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not _NOTHING:
                if not isinstance(reply, hiredis.PushNotification):
                    self._hand_out(reply)
        except InvalidResponse as error:
            self._end(error)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up what is on its way."""
        self._end(LineBroken("the server closed the connection"))
        self._former.connection_lost(exc)  # redis-py waits for it when it closes

    def _hand_out(self, reply: object) -> None:
        if not self._asked:
            raise InvalidResponse("a reply that nobody asked for")
        first = self._asked[0]
        first.replies.append(reply)
        if len(first.replies) == first.number:
            self._asked.popleft()
            if not first.answer.done():
                first.answer.set_result(first.replies)

    def _look(self) -> None:
        """Look whether the server still answers."""
        self._watch = None
        if not self._asked:
            return
        due = self._asked[0].at + self._patience
        if due <= self._loop.time():
            self._end(LineSilent("no answer in time"))
        else:
            self._watch = self._loop.call_at(due, self._look)

    def _end(self, error: Exception) -> None:
        self.is_over = True
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._transport.abort()
        while self._asked:
            answer = self._asked.popleft().answer
            if not answer.done():
                answer.set_exception(error)
