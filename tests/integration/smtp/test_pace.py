"""A relay gets no more per second than it wants; what waits for that spends no attempt."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf

import pytest

from dispatcher.adapters.mail.relays import Relays
from dispatcher.delivery import Receipt
from dispatcher.errors import RelayFault, Throttled, TransientTransportError
from tests.integration.smtp.submission import (
    QUICK,
    Outcome,
    Run,
    address_of,
    eventually,
    outcome,
)
from tests.smtp_server import Act, At, Rule, ScriptedRelay


@asynccontextmanager
async def _relays(
    relay: ScriptedRelay, *, rate: float = 0.0, connections: int = 0, messages: int = 0
) -> AsyncIterator[Relays]:
    address = replace(address_of(relay), rate=rate, connections=connections, messages=messages)
    transport = Relays([address], timeouts=QUICK)
    try:
        yield transport
    finally:
        await transport.close(grace=0.2)


async def _outcomes(relays: Relays, count: int) -> list[Outcome]:
    return await asyncio.gather(*(outcome(relays, number) for number in range(count)))


def test_a_relay_gets_no_more_per_second_than_its_url_says(run: Run) -> None:
    async def send() -> float:
        async with _relays(relay, rate=200) as relays:
            started = asyncio.get_running_loop().time()
            outcomes = await _outcomes(relays, 100)
            assert {type(outcome) for outcome in outcomes} == {Receipt}
            return asyncio.get_running_loop().time() - started

    with ScriptedRelay() as relay:
        took = run(send())
    assert took >= (100 - 1 - 20) / 200


def test_its_url_limits_connections_and_messages_per_connection(run: Run) -> None:
    async def send() -> None:
        async with _relays(relay, connections=2, messages=5) as relays:
            await _outcomes(relays, 40)

    with ScriptedRelay(Rule(At.FINAL, act=Act.DELAY, delay=0.005)) as relay:
        run(send())
    assert relay.accepted == 40
    assert relay.connections >= 8
    assert relay.most_at_once <= 2 + 1  # one may still be saying goodbye


def test_whoever_leaves_the_line_makes_way_for_the_next(run: Run) -> None:
    async def send() -> set[str]:
        async with _relays(relay, rate=5) as relays:
            senders = [asyncio.create_task(outcome(relays, number)) for number in range(4)]
            await eventually(lambda: relay.accepted == 1)
            senders[1].cancel()
            await asyncio.wait(senders)
            return set(relay.message_ids)

    with ScriptedRelay() as relay:
        assert run(send()) == {f"<{number}@acme.example>" for number in (0, 2, 3)}


def test_what_would_wait_too_long_is_put_off_at_once(run: Run) -> None:
    async def send() -> list[Outcome]:
        async with _relays(relay, rate=0.1) as relays:
            return [await outcome(relays, number) for number in range(2)]

    with ScriptedRelay() as relay:
        first, second = run(send())
    assert isinstance(first, Receipt)
    assert isinstance(second, Throttled)
    assert relay.accepted == 1


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.FINAL])
def test_a_relay_that_complains_gets_less_and_gets_it_all(run: Run, at: At) -> None:
    async def send() -> float:
        async with _relays(relay) as relays:
            complaint = await outcome(relays, 1)
            assert isinstance(complaint, Throttled)
            assert complaint.wait == 90.0
            assert isinstance(await outcome(relays, 2), Receipt)
            assert not relays.states()[0].away
            return relays.states()[0].rate

    rule = Rule(at, "451 4.7.1 rate limited, try again in 90 seconds", times=1)
    with ScriptedRelay(rule) as relay:
        assert run(send()) < 2.0


def test_a_complaint_that_closes_the_connection_is_not_carried_to_the_next(run: Run) -> None:
    async def send() -> Outcome:
        async with _relays(relay) as relays:
            return await outcome(relays)

    with ScriptedRelay(Rule(At.MAIL, "421 4.7.28 rate limit exceeded")) as relay:
        assert isinstance(run(send()), Throttled)
    assert relay.connections == 1


def test_greylisting_does_not_slow_down_the_others(run: Run) -> None:
    async def send() -> float:
        async with _relays(relay) as relays:
            assert type(await outcome(relays)) is TransientTransportError
            return relays.states()[0].rate

    with ScriptedRelay(Rule(At.RCPT, "450 4.7.1 greylisted, come back later")) as relay:
        assert run(send()) == inf


def test_who_waits_for_a_relay_that_goes_away_is_told_at_once(run: Run) -> None:
    async def send() -> list[Outcome]:
        async with _relays(relay, rate=1) as relays:
            return await _outcomes(relays, 4)

    with ScriptedRelay(Rule(At.GREETING, "554 5.3.2 closed")) as relay:
        outcomes = run(send())
    assert {type(outcome) for outcome in outcomes} == {RelayFault}
    assert relay.connections == 1
