"""What SMTP tests say over and over: messages, short timeouts, and handing over a few at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from dispatcher.adapters.mail.pool import Pool
from dispatcher.adapters.mail.relay_address import RelayAddress, Security
from dispatcher.adapters.mail.smtp_limits import PoolLimits, Timeouts
from dispatcher.delivery import Receipt
from dispatcher.errors import TransportError
from dispatcher.message import Message
from tests.smtp_server import ScriptedRelay

_T = TypeVar("_T")

QUICK = Timeouts(
    connect=5, greeting=0.5, command=0.5, mail=0.5, rcpt=0.5, data=0.5, final=0.5,
    slot=5, follow=0.1, revive=0.2, farewell=0.5,
)  # fmt: skip
PATIENT = Timeouts(follow=30)

Outcome = Receipt | TransportError


class Run(Protocol):
    """Runs a coroutine on a loop of its own."""

    def __call__(self, coroutine: Awaitable[_T]) -> _T: ...


def a_message(number: int = 1, *, recipient: str = "", smtputf8: bool = False) -> Message:
    recipient = recipient or f"person{number}@example.org"
    content = (
        f"From: no-reply@acme.example\r\nTo: {recipient}\r\nSubject: Your password changed\r\n"
        f"Message-ID: <{number}@acme.example>\r\n\r\nIt was you?\r\n.\r\n..and a dot\r\n"
    )
    return Message(
        f"<{number}@acme.example>",
        "no-reply@acme.example",
        recipient,
        content.encode(errors="replace"),
        smtputf8,
    )


def messages(count: int) -> list[Message]:
    return [a_message(number) for number in range(1, count + 1)]


def address_of(relay: ScriptedRelay) -> RelayAddress:
    return RelayAddress("127.0.0.1", relay.port, Security.NONE)


@asynccontextmanager
async def pool_for(
    relay: ScriptedRelay | RelayAddress,
    *,
    connections: int = 16,
    limits: PoolLimits | None = None,
    timeouts: Timeouts = PATIENT,
) -> AsyncIterator[Pool]:
    address = relay if isinstance(relay, RelayAddress) else address_of(relay)
    pool = Pool(address, limits=limits or PoolLimits(connections=connections), timeouts=timeouts)
    try:
        yield pool
    finally:
        await pool.close(grace=0.2)


class Delivers(Protocol):
    async def deliver(self, message: Message) -> Receipt: ...


async def outcome(transport: Delivers, number: int = 1) -> Outcome:
    return await outcome_of(transport, a_message(number))


async def outcome_of(transport: Delivers, message: Message) -> Outcome:
    try:
        return await transport.deliver(message)
    except TransportError as error:
        return error


async def hand_over(
    relay: ScriptedRelay | RelayAddress,
    to_send: Sequence[Message],
    *,
    connections: int = 16,
    timeouts: Timeouts = PATIENT,
) -> list[Outcome]:
    """Deliver all at once; return what became of each, in order."""
    async with pool_for(relay, connections=connections, timeouts=timeouts) as pool:
        return await asyncio.gather(*(outcome_of(pool, message) for message in to_send))


async def eventually(condition: Callable[[], bool], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.005)


def error_of(outcome: Outcome) -> TransportError:
    assert isinstance(outcome, TransportError), "the message was accepted"
    return outcome
