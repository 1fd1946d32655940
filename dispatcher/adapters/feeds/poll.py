"""Security event tokens, fetched from their transmitter (RFC 8936).

Vendor errors stop here: what leaves is :class:`~dispatcher.errors.FeedUnavailable`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from dispatcher.connection import Connection
from dispatcher.errors import DispatcherError, FeedUnavailable, MalformedEvent, UntrustedEvent
from dispatcher.patience import pause
from dispatcher.sources.fetching import POLL_URL, USUAL_EVENTS, Take
from dispatcher.sources.hook import Call
from dispatcher.sources.ssf import error_code

_CONNECT_TIMEOUT: Final = 5.0
_LONG_POLL: Final = 90.0
"""Seconds that a transmitter may think about an answer, until it has something to tell."""

_SHORTEST: Final = 5.0
"""Seconds from question to question where transmitters answer at once that there is nothing."""

_LAST_ACKS: Final = 3.0
_LARGEST: Final = 8_388_608
"""Bytes of an answer: 1,000 tokens of 8 KB."""

_LONGEST_WAIT: Final = 300.0
_OK: Final = 200
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503

Prove = Callable[[bytes], Awaitable[bytes]]
"""Returns a token's claims; raises UntrustedEvent, or IssuerUnavailable where nobody can tell."""


@dataclass(slots=True)
class _Owed:
    """What the transmitter is to be told of the tokens that it gave us.

    Args:
        ack: Those that are durable, or known, or of no concern.
        errors: Those that can never be taken, and why.
    """

    ack: list[str] = field(default_factory=list)
    errors: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.ack or self.errors)

    def body(self) -> Mapping[str, Any]:
        """Return it as members of a question (RFC 8936 section 2.2)."""
        errors = {"setErrs": self.errors} if self.errors else {}
        return {"ack": self.ack, **errors} if self.ack else errors


class PollFeed:
    """Asks a transmitter for tokens, and waits for its answer as long as it has none.

    Args:
        connection: Whose options say where, and whose secret is the Authorization.
        prove: Proves a token.
        shortest: Seconds from question to question while there is nothing.
    """

    is_for_one = True

    def __init__(
        self, connection: Connection, prove: Prove, *, shortest: float = _SHORTEST
    ) -> None:
        self._url = connection.options[POLL_URL]
        self._most = int(connection.options.get("poll_events", USUAL_EVENTS))
        self._authorization = connection.secrets[0] if connection.secrets else ""
        self._prove, self._shortest = prove, shortest

    async def run(self, take: Take, stopping: asyncio.Event) -> None:
        """Hand on tokens, and acknowledge them, until *stopping* is set."""
        owed = _Owed()
        timeout = httpx.Timeout(_CONNECT_TIMEOUT, read=_LONG_POLL)
        async with httpx.AsyncClient(timeout=timeout, headers=self._headers()) as client:
            try:
                while not stopping.is_set():
                    owed = await self._round(client, owed, take, stopping)
            finally:
                if owed:
                    with suppress(FeedUnavailable, TimeoutError):  # then they come again
                        async with asyncio.timeout(_LAST_ACKS):
                            await self._ask(client, _only(owed))

    def _headers(self) -> Mapping[str, str]:
        usual = {"accept": "application/json"}
        secret = self._authorization
        if not secret:
            return usual
        # As with pushed tokens: a bare one is a bearer token.
        return usual | {"authorization": secret if " " in secret else f"Bearer {secret}"}

    async def _round(
        self, client: httpx.AsyncClient, owed: _Owed, take: Take, stopping: asyncio.Event
    ) -> _Owed:
        """Ask once, saying what is owed; return what is owed for the answer."""
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        question = {"maxEvents": self._most, "returnImmediately": False, **owed.body()}
        asking = asyncio.ensure_future(self._ask(client, question))
        answer = await _unless_stopping(asking, stopping)
        if answer is None:
            return owed
        now_owed = _Owed()
        sets = _sets(answer)
        try:
            await asyncio.gather(
                *(self._take(jti, token, take, now_owed) for jti, token in sets.items())
            )
        finally:
            # Whatever kept us from the others, what is durable must not come again.
            owed.ack, owed.errors = now_owed.ack, now_owed.errors
        if not sets or not now_owed:
            await pause(stopping, asked_at + self._shortest - clock())
        return now_owed

    async def _take(self, jti: str, token: str, take: Take, owed: _Owed) -> None:
        try:
            content = await self._prove(token.encode(errors="replace"))
            await take(content, Call(content))
        except (UntrustedEvent, MalformedEvent) as error:
            owed.errors[jti] = {"err": error_code(error), "description": str(error)}
        except DispatcherError as error:
            if not error.retryable:
                raise
            # The issuer's keys are not to be had: the transmitter gives it to us again.
        else:
            owed.ack.append(jti)

    async def _ask(
        self, client: httpx.AsyncClient, question: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        with _feed_errors():
            async with client.stream("POST", self._url, json=question) as response:
                if response.status_code != _OK:
                    raise _refusal(response)
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _LARGEST:
                        raise FeedUnavailable("the transmitter's answer is too large")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise FeedUnavailable("the transmitter's answer is no JSON") from error
        if not isinstance(answer, dict):
            raise FeedUnavailable("the transmitter's answer is no JSON object")
        return answer


def _only(owed: _Owed) -> Mapping[str, Any]:
    return {"maxEvents": 0, "returnImmediately": True, **owed.body()}


def _sets(answer: Mapping[str, Any]) -> Mapping[str, str]:
    found = answer.get("sets")
    if not isinstance(found, dict):
        return {}
    return {jti: token if isinstance(token, str) else "" for jti, token in found.items()}


async def _unless_stopping(
    asking: "asyncio.Future[Mapping[str, Any]]", stopping: asyncio.Event
) -> Mapping[str, Any] | None:
    """Return the answer; None where there is none before we stop, or within its time."""
    stopped = asyncio.create_task(stopping.wait())
    either: list[asyncio.Future[Any]] = [asking, stopped]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return await asking if asking.done() else None
    except _Silence:
        return {}
    finally:
        stopped.cancel()
        asking.cancel()
        await asyncio.wait(either)


class _Silence(FeedUnavailable):
    """A transmitter had nothing to tell for so long that we ask anew."""


def _refusal(response: httpx.Response) -> FeedUnavailable:
    status, wait = response.status_code, 0.0
    if status in {_TOO_MANY, _UNAVAILABLE}:
        with suppress(ValueError):
            wait = min(float(response.headers.get("retry-after", "0")), _LONGEST_WAIT)
    return FeedUnavailable(f"the transmitter answers with {status}", wait=max(wait, 0.0))


@contextmanager
def _feed_errors() -> Iterator[None]:
    try:
        yield
    except httpx.ReadTimeout as error:
        raise _Silence("the transmitter does not answer") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise FeedUnavailable(f"the transmitter does not answer: {type(error).__name__}") from error
