"""What every transport promises, by the real one over SMTP and by the one that ships as a fake."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from dispatcher.adapters.mail.relay_address import RelayAddress, Security
from dispatcher.adapters.mail.routes import Routes
from dispatcher.adapters.mail.smtp_memory import MemoryTransport
from dispatcher.delivery import Receipt
from dispatcher.errors import (
    PermanentTransportError,
    RecipientRefused,
    RelayFault,
    Throttled,
    TransientTransportError,
    TransportError,
    UncertainDelivery,
)
from dispatcher.message import Message
from dispatcher.ports import Transport
from tests.smtp_server import Act, At, Rule, ScriptedRelay

_RULES: dict[type[TransportError], Rule] = {
    TransientTransportError: Rule(At.RCPT, "450 4.2.0 later", times=1),
    Throttled: Rule(At.RCPT, "451 4.7.1 rate limit, slow down", times=1),
    RecipientRefused: Rule(At.RCPT, "550 5.1.1 unknown", times=1),
    PermanentTransportError: Rule(At.FINAL, "554 5.6.0 no", times=1),
    RelayFault: Rule(At.MAIL, "550 5.7.1 not you", times=1),
    UncertainDelivery: Rule(At.FINAL, act=Act.DROP, times=1),
}

World = AbstractAsyncContextManager[tuple[Transport, Callable[[], list[bytes]]]]
Worlds = Callable[[type[TransportError] | None], World]


def _message(number: int = 1) -> Message:
    content = f"Message-ID: <{number}@a.example>\r\n\r\nhello {number}\r\n".encode()
    return Message(f"<{number}@a.example>", "a@a.example", "b@b.example", content)


@asynccontextmanager
async def _memory(
    trouble: type[TransportError] | None,
) -> AsyncIterator[tuple[Transport, Callable[[], list[bytes]]]]:
    transport = MemoryTransport([trouble("scripted")] if trouble else [])
    yield transport, lambda: [message.content for message in transport.messages]


@asynccontextmanager
async def _smtp(
    trouble: type[TransportError] | None,
) -> AsyncIterator[tuple[Transport, Callable[[], list[bytes]]]]:
    rules = [_RULES[trouble]] if trouble else []
    for rule in rules:
        rule.occasions = rule.applied = 0
    with ScriptedRelay(*rules) as relay:
        transport = Routes((RelayAddress("127.0.0.1", relay.port, Security.NONE),))
        try:
            yield transport, lambda: [got.unstuffed for got in relay.messages]
        finally:
            await transport.close()


@pytest.fixture(params=[_memory, _smtp], ids=["memory", "smtp"])
def world(request: pytest.FixtureRequest) -> Worlds:
    chosen: Worlds = request.param
    return chosen


def _run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def test_an_accepted_message_arrives_as_it_was_and_gets_a_receipt(world: Worlds) -> None:
    async def scenario() -> None:
        async with world(None) as (transport, arrived):
            receipt = await transport.deliver(_message())
            assert isinstance(receipt, Receipt)
            assert 200 <= receipt.code < 300
            assert receipt.relay
            assert receipt.duration >= 0
            assert arrived() == [_message().content]

    _run(scenario())


def test_messages_may_be_delivered_at_the_same_time(world: Worlds) -> None:
    async def scenario() -> None:
        async with world(None) as (transport, arrived):
            sent = [_message(number) for number in range(50)]
            await asyncio.gather(*(transport.deliver(message) for message in sent))
            assert sorted(arrived()) == sorted(message.content for message in sent)

    _run(scenario())


@pytest.mark.parametrize("trouble", _RULES, ids=lambda kind: kind.__name__)
def test_trouble_is_raised_by_its_kind_and_nothing_is_kept(
    world: Worlds, trouble: type[TransportError]
) -> None:
    async def scenario() -> None:
        async with world(trouble) as (transport, arrived):
            with pytest.raises(trouble) as caught:
                await transport.deliver(_message())
            assert type(caught.value) is trouble
            assert "b@b.example" not in str(caught.value)
            assert arrived() == []

    _run(scenario())


@pytest.mark.parametrize(
    "trouble", [TransientTransportError, Throttled, RecipientRefused, PermanentTransportError]
)
def test_trouble_with_one_message_is_none_for_the_next(
    world: Worlds, trouble: type[TransportError]
) -> None:
    async def scenario() -> None:
        async with world(trouble) as (transport, arrived):
            with pytest.raises(trouble):
                await transport.deliver(_message(1))
            await transport.deliver(_message(2))
            assert arrived() == [_message(2).content]

    _run(scenario())
