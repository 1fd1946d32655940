"""Asking one directory: a few questions at a time, and none while it is away or wants none."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Final, Protocol

from dispatcher.adapters.directory.entry import Answer, Question
from dispatcher.adapters.directory.replies import Reply, read
from dispatcher.breaker import Breaker
from dispatcher.errors import DirectoryError, DirectoryThrottled, DirectoryUnavailable

_MOST_AT_ONCE: Final = 16
_LONGEST_TURN: Final = 2.0
"""Seconds to wait for a turn: what waits here keeps others' events from being worked on."""

Send = Callable[[str, Mapping[str, str], bytes | None], Awaitable[Reply]]


class Line(Protocol):
    """What asks over HTTP."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes | None, /) -> Reply:
        """Return the reply to a GET, or to a POST where there is a body.

        Raises:
            DirectoryUnavailable: There is none.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Desk:
    """Asks one directory, for all who want to know.

    Args:
        send: Sends a request to a URL, and returns the reply.
        base: The directory's URL.
        tell: Is told why, when the directory goes away or wants to be asked less.
        seconds: Tells how much time passes.
    """

    def __init__(
        self,
        send: Send,
        base: str,
        tell: Callable[[DirectoryError], None],
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._send = send
        self._base = base.rstrip("/")
        self._tell = tell
        self._seconds = seconds
        self._breaker = Breaker(now=seconds)
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._quiet_until = 0.0

    async def ask(self, question: Question) -> Answer:
        """Return the answer.

        Raises:
            DirectoryUnavailable: There is none; while it is away, few are asked at all.
            DirectoryRefused: We may not ask that.
            DirectoryThrottled: Not now.
        """
        self._require_wanted()
        try:
            async with asyncio.timeout(_LONGEST_TURN):
                await self._turns.acquire()
        except TimeoutError:
            raise DirectoryThrottled("the directory is slower than we ask") from None
        try:
            return await self._asked(question)
        finally:
            self._turns.release()

    async def _asked(self, question: Question) -> Answer:
        self._require_wanted()
        if not self._breaker.permits():
            raise DirectoryUnavailable("the directory is away; one question at a time tries it")
        try:
            reply = await self._send(self._base + question.path, question.headers, question.body)
        except DirectoryUnavailable as error:
            self._failed(error)
            raise
        except BaseException:
            self._breaker.withdrawn()
            raise
        return self._read(reply)

    def _read(self, reply: Reply) -> Answer:
        try:
            answer = read(reply)
        except DirectoryThrottled as error:
            self._breaker.withdrawn()
            self._quiet_until = self._seconds() + error.wait
            self._tell(error)
            raise
        except DirectoryUnavailable as error:
            self._failed(error)
            raise
        except DirectoryError:
            self._breaker.passed()  # it is well; it does not like us
            raise
        self._breaker.passed()
        return answer

    def _failed(self, error: DirectoryError) -> None:
        was_open = self._breaker.is_open
        self._breaker.silent()
        if self._breaker.is_open and not was_open:
            self._tell(error)

    def _require_wanted(self) -> None:
        wait = self._quiet_until - self._seconds()
        if wait > 0:
            raise DirectoryThrottled("the directory wants to be asked later", wait=wait)
