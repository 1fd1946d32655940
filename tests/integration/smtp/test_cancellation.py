"""A message whose sender is cancelled: once its final dot is out, nobody may take it for unsent."""

import asyncio

import pytest

from dispatcher.adapters.mail import smtp_handover
from dispatcher.adapters.mail.pool import Pool
from dispatcher.adapters.mail.relays import RelayChange, Relays
from dispatcher.delivery import Receipt
from dispatcher.errors import UncertainDelivery
from tests.integration.smtp.submission import (
    QUICK,
    Outcome,
    Run,
    a_message,
    address_of,
    eventually,
    outcome_of,
    pool_for,
)
from tests.smtp_server import Act, At, Rule, ScriptedRelay, Traits


async def _cancelled_once_out(pool: Pool, rule: Rule, *, cancels: int = 1) -> Outcome:
    """Cancel a delivery as soon as the relay has its final dot; return how it ends."""
    sender = asyncio.create_task(outcome_of(pool, a_message()))
    await eventually(lambda: rule.applied > 0)
    for _ in range(cancels):
        sender.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return await sender


def _outcome(run: Run, rule: Rule, *, cancels: int = 1) -> Outcome:
    async def deliver() -> Outcome:
        async with pool_for(relay, timeouts=QUICK) as pool:
            return await _cancelled_once_out(pool, rule, cancels=cancels)

    with ScriptedRelay(rule) as relay:
        return run(deliver())


def test_an_answer_that_comes_soon_still_counts(run: Run) -> None:
    outcome = _outcome(run, Rule(At.FINAL, act=Act.DELAY, delay=0.1))
    assert isinstance(outcome, Receipt)
    assert outcome.code == 250


def test_without_an_answer_it_is_uncertain(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp_handover, "_LAST_WORD", 0.05)
    outcome = _outcome(run, Rule(At.FINAL, act=Act.HANG))
    assert isinstance(outcome, UncertainDelivery)


def test_a_second_cancel_ends_the_wait_but_not_the_truth(run: Run) -> None:
    outcome = _outcome(run, Rule(At.FINAL, act=Act.HANG), cancels=2)
    assert isinstance(outcome, UncertainDelivery)


def test_a_connection_lost_meanwhile_leaves_it_uncertain(run: Run) -> None:
    async def deliver() -> Outcome:
        async with pool_for(relay, timeouts=QUICK) as pool:
            sender = asyncio.create_task(outcome_of(pool, a_message()))
            await eventually(lambda: hang.applied > 0)
            sender.cancel()
            relay.drop_all()
            return await sender

    hang = Rule(At.FINAL, act=Act.HANG)
    with ScriptedRelay(hang) as relay:
        assert isinstance(run(deliver()), UncertainDelivery)


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA])
def test_before_the_final_dot_it_is_simply_cancelled(run: Run, at: At) -> None:
    async def deliver() -> None:
        async with pool_for(relay, timeouts=QUICK) as pool:
            with pytest.raises(asyncio.CancelledError):
                await _cancelled_once_out(pool, rule)

    rule = Rule(at, act=Act.DELAY, delay=0.1)
    with ScriptedRelay(rule) as relay:
        run(deliver())
    assert relay.accepted == 0


def test_the_relay_is_not_blamed_for_what_we_did_not_wait_for(run: Run) -> None:
    changes: list[RelayChange] = []

    async def stop_in_the_middle() -> list[type[object]]:
        relays = Relays([address_of(relay)], on_change=changes.append)
        senders = [asyncio.create_task(relays.deliver(a_message(n))) for n in range(8)]
        await eventually(lambda: hang.applied == 8)
        for sender in senders:
            sender.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for sender in senders:
            sender.cancel()
        outcomes = await asyncio.gather(*senders, return_exceptions=True)
        await relays.close(grace=0)
        return [type(outcome) for outcome in outcomes]

    hang = Rule(At.FINAL, act=Act.HANG)
    with ScriptedRelay(hang, traits=Traits(pipelining=False)) as relay:
        kinds = run(stop_in_the_middle())
    assert all(issubclass(kind, UncertainDelivery) for kind in kinds)
    assert changes == []
