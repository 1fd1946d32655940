"""Polling a transmitter over HTTP: what is durable is acknowledged, what never can be is told."""

import asyncio
from collections.abc import Iterator

import pytest

from dispatcher.adapters.feeds.poll import PollFeed
from dispatcher.connection import Connection
from dispatcher.errors import FeedUnavailable, IssuerUnavailable, UntrustedEvent
from tests.integration.feeds.takes import Taker, running, until
from tests.integration.feeds.transmitter import Transmitter, transmitting


@pytest.fixture
def transmitter() -> Iterator[Transmitter]:
    with transmitting(Transmitter()) as answering:
        yield answering


class Proof:
    """Proves tokens, where the issuer's keys are to be had."""

    def __init__(self) -> None:
        self.has_keys = True

    async def __call__(self, token: bytes) -> bytes:
        if not self.has_keys:
            raise IssuerUnavailable("no keys")
        if token.startswith(b"forged"):
            raise UntrustedEvent("another one signed it", id="invalid_key")
        return token


def a_feed(
    transmitter: Transmitter, proof: Proof | None = None, *, secret: str = "", **options: str
) -> PollFeed:
    connection = Connection(
        "signals",
        "ssf",
        secrets=(secret,) if secret else (),
        options={"poll_url": transmitter.url, **options},
    )
    return PollFeed(connection, proof or Proof(), shortest=0.05)


def test_a_token_is_taken_while_we_wait_and_acknowledged(transmitter: Transmitter) -> None:
    async def story() -> None:
        taker = Taker()
        async with running(a_feed(transmitter, secret="s3"), taker):
            await until(lambda: transmitter.asked, "it is asked")
            transmitter.tell("j-1", "one")
            await until(lambda: transmitter.acknowledged == ["j-1"], "it is acknowledged")
            transmitter.tell("j-2", "two")
            await until(lambda: len(transmitter.acknowledged) == 2, "the next one, too")
        assert taker.contents == [b"one", b"two"]

    asyncio.run(story())
    assert transmitter.asked[0] == {"maxEvents": 100, "returnImmediately": False}
    assert set(transmitter.authorizations) == {"Bearer s3"}
    assert not transmitter.sets


def test_nothing_is_acknowledged_before_it_is_durable(transmitter: Transmitter) -> None:
    async def story() -> None:
        taker = Taker()
        taker.is_open.clear()
        transmitter.tell("j-1", "one")
        async with running(a_feed(transmitter), taker):
            await until(lambda: taker.waiting, "it is on its way")
            assert len(transmitter.asked) == 1
            taker.is_open.set()
            await until(lambda: transmitter.acknowledged == ["j-1"], "it is acknowledged")

    asyncio.run(story())


def test_what_is_owed_is_told_when_we_stop(transmitter: Transmitter) -> None:
    async def story() -> None:
        taker, stopping = Taker(), asyncio.Event()
        taker.is_open.clear()
        transmitter.tell("j-1", "one")
        task = asyncio.create_task(a_feed(transmitter).run(taker.take, stopping))
        await until(lambda: taker.waiting, "it is on its way")
        stopping.set()
        taker.is_open.set()
        await asyncio.wait_for(task, 20)

    asyncio.run(story())
    assert transmitter.asked[-1] == {"maxEvents": 0, "returnImmediately": True, "ack": ["j-1"]}


def test_what_can_never_be_taken_is_told_with_its_reason(transmitter: Transmitter) -> None:
    transmitter.tell("j-1", "forged")
    transmitter.tell("j-2", "poison")
    transmitter.tell("j-3", "one")

    async def story() -> None:
        taker = Taker()
        async with running(a_feed(transmitter), taker):
            await until(lambda: transmitter.acknowledged == ["j-3"], "the sound one")
        assert taker.contents == [b"one"]

    asyncio.run(story())
    assert transmitter.errors == {
        "j-1": {"err": "invalid_key", "description": "another one signed it"},
        "j-2": {"err": "invalid_request", "description": "nobody can read it"},
    }


def test_tokens_whose_keys_are_not_to_be_had_come_again(transmitter: Transmitter) -> None:
    proof = Proof()
    proof.has_keys = False
    transmitter.tell("j-1", "one")

    async def story() -> None:
        taker = Taker()
        async with running(a_feed(transmitter, proof), taker):
            await until(lambda: len(transmitter.asked) > 2, "it is asked anew")
            assert not transmitter.errors
            proof.has_keys = True
            await until(lambda: transmitter.acknowledged == ["j-1"], "it is acknowledged")
        assert taker.contents == [b"one"]

    asyncio.run(story())


def test_more_than_one_answer_holds_is_fetched_at_once(transmitter: Transmitter) -> None:
    for number in range(25):
        transmitter.tell(f"j-{number}", str(number))

    async def story() -> None:
        taker = Taker()
        async with running(a_feed(transmitter, poll_events="10"), taker):
            await until(lambda: len(transmitter.acknowledged) == 25, "all are acknowledged")
        assert len(taker.contents) == len(set(taker.contents)) == 25

    asyncio.run(story())


def test_a_transmitter_that_never_waits_is_asked_in_turn(transmitter: Transmitter) -> None:
    transmitter.long_poll = 0.0

    async def story() -> None:
        taker = Taker()
        async with running(a_feed(transmitter), taker):
            await until(lambda: len(transmitter.asked) > 2, "it is asked anew")
            transmitter.tell("j-1", "one")
            await until(lambda: transmitter.acknowledged == ["j-1"], "it is acknowledged")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (401, {}, 0.0),
        (429, {"retry-after": "7"}, 7.0),
        (503, {"retry-after": "86400"}, 300.0),
        (503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
    ],
)
def test_a_refusal_is_told_and_its_wish_heeded(
    status: int, headers: dict[str, str], wait: float, transmitter: Transmitter
) -> None:
    transmitter.refusals = [(status, headers)]
    with pytest.raises(FeedUnavailable) as raised:
        asyncio.run(a_feed(transmitter).run(Taker().take, asyncio.Event()))
    assert str(raised.value) == f"the transmitter answers with {status}"
    assert raised.value.wait == wait
