"""A pool grows with the work, shrinks without it, and one bad connection harms nobody else."""

import asyncio
from dataclasses import replace

from dispatcher.adapters.mail.pool import Counts
from dispatcher.adapters.mail.pool_line import NoFreeConnection
from dispatcher.adapters.mail.smtp_limits import PoolLimits
from dispatcher.delivery import Receipt
from dispatcher.errors import RelayFault, TransientTransportError, UncertainDelivery
from tests.integration.smtp.submission import (
    PATIENT,
    QUICK,
    Run,
    a_message,
    eventually,
    hand_over,
    messages,
    outcome_of,
    pool_for,
)
from tests.smtp_server import Act, At, Rule, ScriptedRelay, Traits

_SLOW_FINAL = Rule(At.FINAL, act=Act.DELAY, delay=0.02)


def test_a_single_message_needs_a_single_connection(run: Run) -> None:
    async def one_after_the_other() -> Counts:
        async with pool_for(relay) as pool:
            for message in messages(10):
                await pool.deliver(message)
            return pool.counts()

    with ScriptedRelay() as relay:
        counts = run(one_after_the_other())
    assert counts == Counts(busy=0, idle=1, opening=0, waiting=0)
    assert relay.connections == 1


def test_many_messages_at_once_use_as_many_connections_as_allowed(run: Run) -> None:
    with ScriptedRelay(_SLOW_FINAL) as relay:
        outcomes = run(hand_over(relay, messages(100), connections=6))
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert relay.most_at_once == 6


def test_a_relay_that_bears_fewer_connections_gets_fewer(run: Run) -> None:
    with ScriptedRelay(_SLOW_FINAL, traits=Traits(connections=3)) as relay:
        outcomes = run(hand_over(relay, messages(100), connections=16))
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert relay.connections <= 3 + 4  # growth pauses after the first refusals


def test_a_relay_that_closes_one_for_being_too_many_gets_fewer_and_fails_none(run: Run) -> None:
    async def crowd() -> list[object]:
        async with pool_for(relay, connections=6) as pool:
            tasks = [asyncio.create_task(outcome_of(pool, message)) for message in messages(120)]
            loop = asyncio.get_running_loop()
            await eventually(lambda: pool._allowance.at(loop.time()) < 6)
            return list(await asyncio.gather(*tasks))

    crowded = Rule(At.MAIL, "421 4.7.0 too many connections", times=1, after=40)
    with ScriptedRelay(_SLOW_FINAL, crowded) as relay:
        outcomes = run(crowd())
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert set(relay.message_ids.values()) == {1}


def test_unused_connections_are_closed_with_a_quit(run: Run) -> None:
    async def work_then_rest() -> Counts:
        limits = PoolLimits(connections=4, idle=0.1)
        async with pool_for(relay, limits=limits) as pool:
            await asyncio.gather(*(pool.deliver(message) for message in messages(40)))
            await eventually(lambda: relay.at_once == 0)
            return pool.counts()

    with ScriptedRelay(_SLOW_FINAL) as relay:
        assert run(work_then_rest()) == Counts(0, 0, 0, 0)
        assert relay.commands[At.QUIT] == relay.connections


def test_an_old_connection_takes_no_further_message(run: Run) -> None:
    async def work() -> None:
        async with pool_for(relay, limits=PoolLimits(connections=1, age=0.0)) as pool:
            for message in messages(5):
                await pool.deliver(message)

    with ScriptedRelay() as relay:
        run(work())
    assert (relay.accepted, relay.connections) == (5, 5)


def test_a_connection_takes_only_as_many_messages_as_allowed(run: Run) -> None:
    async def work() -> None:
        async with pool_for(relay, limits=PoolLimits(connections=1, messages=10)) as pool:
            await asyncio.gather(*(pool.deliver(message) for message in messages(40)))

    with ScriptedRelay() as relay:
        run(work())
    assert (relay.accepted, relay.connections) == (40, 4)


def test_a_relay_that_closes_after_a_few_messages_fails_none(run: Run) -> None:
    with ScriptedRelay(traits=Traits(messages_per_connection=5)) as relay:
        outcomes = run(hand_over(relay, messages(60), connections=2))
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert set(relay.message_ids.values()) == {1}
    assert relay.connections >= 12


def test_a_connection_closed_while_idle_is_no_error_for_the_next_message(run: Run) -> None:
    async def rest_between() -> Receipt:
        async with pool_for(relay) as pool:
            await pool.deliver(a_message(1))
            relay.drop_all()
            return await pool.deliver(a_message(2))

    with ScriptedRelay() as relay:
        assert isinstance(run(rest_between()), Receipt)
    assert relay.connections == 2


def test_a_connection_that_died_unnoticed_costs_a_short_wait_only(run: Run) -> None:
    async def rest_between() -> Receipt:
        timeouts = replace(PATIENT, revive=0.1)
        async with pool_for(relay, timeouts=timeouts) as pool:
            await pool.deliver(a_message(1))
            await eventually(lambda: pool.counts().idle == 1)
            (connection,) = pool._idle
            connection.quiet_since -= 5.0  # as if it had rested
            return await pool.deliver(a_message(2))

    with ScriptedRelay(Rule(At.MAIL, act=Act.HANG, after=1, times=1)) as relay:
        assert isinstance(run(rest_between()), Receipt)
    assert relay.connections == 2


def test_a_hung_final_dot_holds_one_connection_and_one_message(run: Run) -> None:
    timeouts = replace(PATIENT, follow=0.1, final=1.0)
    with ScriptedRelay(Rule(At.FINAL, act=Act.HANG, times=1, after=5)) as relay:
        outcomes = run(hand_over(relay, messages(80), connections=2, timeouts=timeouts))
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds.count(UncertainDelivery) == 1
    assert kinds.count(Receipt) == 79
    assert set(relay.message_ids.values()) == {1}


def test_a_message_does_not_wait_for_a_connection_for_ever(run: Run) -> None:
    timeouts = replace(PATIENT, slot=0.2, mail=1.0)
    with ScriptedRelay(Rule(At.MAIL, act=Act.HANG)) as relay:

        async def crowd() -> list[object]:
            async with pool_for(relay, connections=1, timeouts=timeouts) as pool:
                return list(await asyncio.gather(*(outcome_of(pool, m) for m in messages(3))))

        outcomes = run(crowd())
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [TransientTransportError, NoFreeConnection, NoFreeConnection]


def test_waiting_messages_share_the_fate_of_a_single_failed_connect(run: Run) -> None:
    with ScriptedRelay(Rule(At.GREETING, "554 5.3.2 closed")) as relay:
        outcomes = run(hand_over(relay, messages(50)))
    assert {type(outcome) for outcome in outcomes} == {RelayFault}
    assert relay.connections == 1


def test_a_withdrawn_message_is_not_sent(run: Run) -> None:
    async def change_of_mind() -> None:
        async with pool_for(relay, connections=1) as pool:
            withdrawn = asyncio.create_task(pool.deliver(a_message(1)))
            await eventually(lambda: relay.commands[At.RCPT] == 1)
            withdrawn.cancel()
            await pool.deliver(a_message(2))

    with ScriptedRelay(Rule(At.RCPT, act=Act.DELAY, delay=0.1, times=1)) as relay:
        run(change_of_mind())
    assert list(relay.message_ids) == ["<2@acme.example>"]


def test_a_waiting_message_that_is_withdrawn_is_forgotten(run: Run) -> None:
    async def change_of_mind() -> None:
        async with pool_for(relay, connections=1) as pool:
            tasks = [asyncio.create_task(pool.deliver(message)) for message in messages(5)]
            await eventually(lambda: relay.commands[At.RCPT] == 1)
            tasks[3].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    with ScriptedRelay(Rule(At.RCPT, act=Act.DELAY, delay=0.1, times=1)) as relay:
        run(change_of_mind())
    assert sorted(relay.message_ids) == [f"<{n}@acme.example>" for n in (1, 2, 3, 5)]


def test_closing_lets_what_is_under_way_end(run: Run) -> None:
    async def close_early() -> list[object]:
        async with pool_for(relay, connections=2) as pool:
            tasks = [asyncio.create_task(outcome_of(pool, message)) for message in messages(8)]
            await eventually(lambda: relay.commands[At.DATA] > 0)
            await pool.close(grace=10)
            return list(await asyncio.gather(*tasks))

    with ScriptedRelay(_SLOW_FINAL) as relay:
        outcomes = run(close_early())
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert relay.at_once == 0


def test_closing_does_not_wait_longer_than_its_grace(run: Run) -> None:
    async def close_now() -> list[object]:
        async with pool_for(relay, connections=1, timeouts=QUICK) as pool:
            tasks = [asyncio.create_task(outcome_of(pool, message)) for message in messages(3)]
            await eventually(lambda: relay.commands[At.DATA] > 0)
            await pool.close(grace=0.05)
            return [type(outcome) for outcome in await asyncio.gather(*tasks)]

    with ScriptedRelay(Rule(At.FINAL, act=Act.HANG)) as relay:
        kinds = run(close_now())
    assert kinds[0] is UncertainDelivery
    assert UncertainDelivery not in kinds[1:]


def test_growth_that_paused_is_tried_again_without_a_new_message(run: Run) -> None:
    async def crowd() -> list[object]:
        timeouts = replace(PATIENT, follow=0.1)
        async with pool_for(relay, connections=2, timeouts=timeouts) as pool:
            tasks = [asyncio.create_task(outcome_of(pool, message)) for message in messages(3)]
            await eventually(lambda: relay.connections == 2)  # the second one is turned away
            relay.traits = Traits()
            await eventually(lambda: relay.accepted == 2)
            stuck = next(task for task in tasks if not task.done())
            stuck.cancel()
            return [await task for task in tasks if task is not stuck]

    with ScriptedRelay(
        Rule(At.FINAL, act=Act.HANG, times=1), traits=Traits(connections=1)
    ) as relay:
        outcomes = run(crowd())
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)


def test_a_closed_pool_takes_no_message(run: Run) -> None:
    async def too_late() -> object:
        async with pool_for(relay) as pool:
            await pool.close()
            return await outcome_of(pool, a_message())

    with ScriptedRelay() as relay:
        assert isinstance(run(too_late()), NoFreeConnection)
    assert relay.connections == 0
