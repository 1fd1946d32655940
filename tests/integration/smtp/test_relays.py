"""Relays in order of preference: an outage costs one probe at a time and one line in the log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dispatcher.adapters.mail.relays import RelayChange, Relays
from dispatcher.delivery import Receipt
from dispatcher.errors import (
    RecipientRefused,
    RelayFault,
    TransientTransportError,
    TransportError,
    UncertainDelivery,
)
from tests.integration.smtp.submission import (
    QUICK,
    Outcome,
    Run,
    a_message,
    address_of,
    error_of,
    messages,
    outcome,
)
from tests.smtp_server import Act, At, Rule, ScriptedRelay


class _World:
    """The clock's time, and what the operators were told."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.changes: list[RelayChange] = []

    def now(self) -> float:
        return self.time


@asynccontextmanager
async def _relays(world: _World, *relays: ScriptedRelay) -> AsyncIterator[Relays]:
    transport = Relays(
        [address_of(relay) for relay in relays],
        timeouts=QUICK,
        on_change=world.changes.append,
        now=world.now,
    )
    try:
        yield transport
    finally:
        await transport.close(grace=0.2)


def test_the_preferred_relay_gets_everything_while_it_works(run: Run) -> None:
    async def send() -> list[Receipt]:
        async with _relays(_World(), first, second) as relays:
            return await asyncio.gather(*(relays.deliver(message) for message in messages(20)))

    with ScriptedRelay() as first, ScriptedRelay() as second:
        receipts = run(send())
        assert {receipt.relay for receipt in receipts} == {f"127.0.0.1:{first.port}"}
    assert (first.accepted, second.accepted) == (20, 0)


def test_an_outage_costs_one_probe_at_a_time_and_two_lines(run: Run) -> None:
    world = _World()

    async def outage() -> list[int]:
        probes = []
        async with _relays(world, relay) as relays:
            for _ in range(4):
                outcomes = await asyncio.gather(*(outcome(relays, n) for n in range(30)))
                assert {type(outcome) for outcome in outcomes} == {RelayFault}
                probes.append(relay.connections)
                world.time += 100.0
            relay.rules = ()
            assert isinstance(await outcome(relays, 99), Receipt)
            assert isinstance(await outcome(relays, 100), Receipt)
        return probes

    with ScriptedRelay(Rule(At.GREETING, "554 5.3.2 out of order")) as relay:
        assert run(outage()) == [1, 2, 3, 4]
        name = f"127.0.0.1:{relay.port}"
    opened, closed = world.changes
    assert (opened.relay, opened.away) == (name, True)
    assert "554" in opened.reason
    assert closed == RelayChange(name, away=False)


def test_while_the_breaker_is_open_the_network_is_left_alone(run: Run) -> None:
    world = _World()

    async def outage() -> None:
        async with _relays(world, relay) as relays:
            await outcome(relays)
            relay.rules = ()
            for number in range(20):
                fault = error_of(await outcome(relays, number))
                assert type(fault) is RelayFault
                assert fault.code == 554
            assert relays.states()[0].away

    with ScriptedRelay(Rule(At.GREETING, "554 5.3.2 out of order")) as relay:
        run(outage())
    assert relay.connections == 1


@pytest.mark.parametrize(
    ("at", "reply"),
    [(At.GREETING, "554 5.3.2 no"), (At.EHLO, "550 5.7.1 no"), (At.MAIL, "550 5.7.1 not you")],
)
def test_the_next_relay_takes_over_from_one_that_serves_nobody(
    run: Run, at: At, reply: str
) -> None:
    async def send() -> list[Receipt]:
        async with _relays(_World(), first, second) as relays:
            return await asyncio.gather(*(relays.deliver(message) for message in messages(20)))

    with ScriptedRelay(Rule(at, reply)) as first, ScriptedRelay() as second:
        run(send())
    assert (first.accepted, second.accepted) == (0, 20)


def test_a_relay_that_is_back_is_preferred_again(run: Run) -> None:
    world = _World()

    async def send() -> None:
        async with _relays(world, first, second) as relays:
            await relays.deliver(a_message(1))
            first.rules = ()
            await relays.deliver(a_message(2))
            world.time += 100.0
            await relays.deliver(a_message(3))
            await relays.deliver(a_message(4))

    with ScriptedRelay(Rule(At.GREETING, "554 no")) as first, ScriptedRelay() as second:
        run(send())
    assert (first.accepted, second.accepted) == (2, 2)
    assert [change.away for change in world.changes] == [True, False]


def test_after_the_final_dot_no_other_relay_is_tried(run: Run) -> None:
    async def send() -> Outcome:
        async with _relays(_World(), first, second) as relays:
            return await outcome(relays)

    rule = Rule(At.FINAL, act=Act.TAKE_AND_DROP)
    with ScriptedRelay(rule) as first, ScriptedRelay() as second:
        assert type(run(send())) is UncertainDelivery
    assert (first.accepted, second.accepted) == (1, 0)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [("550 5.1.1 unknown", RecipientRefused), ("450 4.2.0 greylisted", TransientTransportError)],
)
def test_a_refused_recipient_is_not_offered_to_the_next_relay(
    run: Run, reply: str, kind: type[TransportError]
) -> None:
    world = _World()

    async def send() -> list[Outcome]:
        async with _relays(world, first, second) as relays:
            return [await outcome(relays, number) for number in range(8)]

    with ScriptedRelay(Rule(At.RCPT, reply)) as first, ScriptedRelay() as second:
        assert {type(outcome) for outcome in run(send())} == {kind}
    assert second.connections == 0
    assert world.changes == []


def test_a_relay_that_never_answers_is_taken_for_away(run: Run) -> None:
    world = _World()

    async def send() -> list[type[Outcome]]:
        async with _relays(world, relay) as relays:
            outcomes = await asyncio.gather(*(outcome(relays, n) for n in range(8)))
            return [*map(type, outcomes), type(await outcome(relays))]

    with ScriptedRelay(Rule(At.RCPT, act=Act.HANG)) as relay:
        kinds = run(send())
    assert kinds == [TransientTransportError] * 8 + [RelayFault]
    assert [change.away for change in world.changes] == [True]


def test_a_withdrawn_probe_leaves_the_way_free_for_another(run: Run) -> None:
    world = _World()

    async def send() -> Outcome:
        async with _relays(world, relay) as relays:
            await outcome(relays)
            world.time += 100.0
            relay.rules = (Rule(At.MAIL, act=Act.HANG, times=1),)
            probe = asyncio.create_task(outcome(relays))
            relay_heard = relay.commands[At.MAIL]
            while relay.commands[At.MAIL] == relay_heard:  # noqa: ASYNC110 - another thread
                await asyncio.sleep(0.005)
            probe.cancel()
            await asyncio.wait([probe])
            return await outcome(relays)

    with ScriptedRelay(Rule(At.GREETING, "554 no", times=1)) as relay:
        assert isinstance(run(send()), Receipt)
