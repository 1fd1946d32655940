"""The store in Valkey: time, lost replies, crowded ticks, and what a delivery costs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from redis.asyncio import Redis

from dispatcher.adapters.store import (
    ValkeyLedger,
    ValkeyPolicyStore,
    connect,
    installation_secret,
    ledger_wire,
)
from dispatcher.adapters.store.names import to_bytes
from dispatcher.delivery import Attempt, DeliveryFilter, Report, Ruling, Sent, State
from dispatcher.errors import StoreUnavailable
from dispatcher.policy import INSTANCE, Policy
from dispatcher.ports import Claim, Refusal
from tests.builders import NOON, an_event
from tests.integration.broker.proxy import Proxy, proxy

SENT = Report(
    Sent(),
    "password_change",
    Ruling(INSTANCE, 3),
    "0123456789abcdef",
    Attempt(1, NOON, 0.0123, "sent", "smtp.example.org:587", "final", 250),
)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + 10
    while not await condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.01)


async def granted(ledger: ValkeyLedger, event_id: str = "e-1", *, receipt: str = "r-1") -> Claim:
    claim = await ledger.claim(an_event(event_id), receipt=receipt)
    assert isinstance(claim, Claim)
    return claim


async def pulse(client: Redis) -> list[int]:
    """Return when the store was last seen to be there, and until when claims are spared."""
    found = await client.get("nd:pulse")
    assert found is not None
    return [int(part) for part in found.split()]


@asynccontextmanager
async def over_a_proxy(valkey_url: str) -> AsyncIterator[tuple[ValkeyLedger, Proxy]]:
    """Yield a ledger whose replies can be lost, with a connection that is open already."""
    with proxy(valkey_url.removeprefix("unix://")) as way:
        async with connect(f"redis://127.0.0.1:{way.port}") as client:
            ledger = ValkeyLedger(client)
            await granted(ledger, "opening", receipt="first")
            yield ledger, way


def test_a_claim_whose_reply_was_lost_is_granted_when_asked_again(valkey_url: str) -> None:
    async def story() -> None:
        async with over_a_proxy(valkey_url) as (ledger, way):
            way.lose_replies()
            with pytest.raises(StoreUnavailable):
                await ledger.claim(an_event(), receipt="r-1")
            again, redelivered = await asyncio.gather(
                ledger.claim(an_event(), receipt="r-1"), ledger.claim(an_event(), receipt="r-1")
            )
            assert isinstance(again, Claim)
            assert (again.attempt, again.crashes) == (1, 0)
            assert redelivered is Refusal.REDELIVERED

    asyncio.run(story())


def test_a_record_whose_reply_was_lost_is_agreed_to_when_repeated(valkey_url: str) -> None:
    async def story() -> None:
        async with over_a_proxy(valkey_url) as (ledger, way):
            claim = await granted(ledger)
            way.lose_replies()
            with pytest.raises(StoreUnavailable):
                await ledger.record(claim, SENT)
            assert await ledger.record(claim, SENT)
            assert (await ledger.totals()).sent == 1

    asyncio.run(story())


def test_a_duplicate_whose_reply_was_lost_is_counted_once(valkey_url: str) -> None:
    async def story() -> None:
        async with over_a_proxy(valkey_url) as (ledger, way):
            await granted(ledger)
            way.lose_replies()
            with pytest.raises(StoreUnavailable):
                await ledger.claim(an_event("e-1"), receipt="r-2")
            assert await ledger.claim(an_event("e-1"), receipt="r-2") is Refusal.DUPLICATE
            assert (await ledger.totals()).skipped == 1

    asyncio.run(story())


def test_a_claim_granted_to_a_task_that_is_gone_is_given_back(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client)
            walk = asyncio.create_task(granted(ledger))
            await asyncio.sleep(0)
            walk.cancel()
            with suppress(asyncio.CancelledError):
                await walk
            await ledger.close()
            [delivery] = await ledger.find("e-1")
            assert (delivery.state, delivery.attempts) == (State.DEFERRED, 0)
            assert len(await ledger.take_due(1)) == 1

    asyncio.run(story())


def test_a_record_in_flight_is_not_overtaken_by_the_release_after_it(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client)
            for turn in range(20):
                claim = await granted(ledger, f"e-{turn}")
                recording = asyncio.create_task(ledger.record(claim, SENT))
                for _ in range(turn % 4):
                    await asyncio.sleep(0)
                recording.cancel()
                await asyncio.gather(recording, return_exceptions=True)
                await ledger.release(claim)
            totals = await ledger.totals()
            released = len(await ledger.deliveries(DeliveryFilter(state=State.DEFERRED)))
            assert totals.sent + released == 20
            # Only a record that never began, its task cancelled before its first step, is released.
            assert released <= 5

    asyncio.run(story())


def test_a_held_claim_is_renewed_and_an_abandoned_one_runs_out(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            alive = ValkeyLedger(client, lease=1.0)
            dead = ValkeyLedger(client, lease=0.05)
            alive.start()
            await granted(alive, "held")
            first = await client.zscore("nd:due", "acme:held")
            await granted(dead, "abandoned")
            taken: list[str] = []

            async def both_happened() -> bool:
                taken.extend(parcel.event["id"] for parcel in await alive.take_due(10))
                return bool(taken) and await client.zscore("nd:due", "acme:held") != first

            await until(both_happened)
            assert taken == ["abandoned"]
            await alive.close()

    asyncio.run(story())


def test_a_claim_that_ended_while_the_store_was_away_is_spared_until_it_could_be_renewed(
    valkey_url: str,
) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client)
            await granted(ledger, "e-1")
            assert not await ledger.take_due(10)
            await client.zincrby("nd:due", -60_000, "acme:e-1")
            last, _ = await pulse(client)
            await client.set("nd:pulse", f"{last - 60_000} 0")

            assert isinstance(await ledger.claim(an_event("e-1"), receipt="r-1"), Refusal)
            assert not await ledger.take_due(10)
            assert (await ledger.totals()).reasons == {}
            # Nobody renewed it until then: whoever had it is dead.
            await client.zincrby("nd:due", -60_000, "acme:e-1")
            last, spared_until = await pulse(client)
            await client.set("nd:pulse", f"{last} {spared_until - 60_000}")
            assert len(await ledger.take_due(10)) == 1

    asyncio.run(story())


def test_a_store_that_lost_its_scripts_is_given_them_again(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger, policies = ValkeyLedger(client), ValkeyPolicyStore(client)
            await granted(ledger, "e-1")
            await client.script_flush()
            await granted(ledger, "e-2")
            await client.script_flush()
            assert await policies.load("acme") is None

    asyncio.run(story())


def test_a_store_that_is_away_is_said_to_be_unavailable(tmp_path: Path) -> None:
    async def story() -> None:
        async with connect(f"unix://{tmp_path}/nobody.sock") as client:
            ledger, policies = ValkeyLedger(client), ValkeyPolicyStore(client)
            for call in (
                ledger.claim(an_event(), receipt="r-1"),
                ledger.take_due(1),
                ledger.totals(),
                ledger.find("e-1"),
                policies.effective("acme"),
                installation_secret(client),
            ):
                with pytest.raises(StoreUnavailable, match="no answer"):
                    await call

    asyncio.run(story())


def test_a_broken_record_does_not_stop_what_travels_with_it(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.set("nd:e:acme:broken", "not a hash")
            await client.set("nd:policy:broken", "not a hash")
            ledger, policies = ValkeyLedger(client), ValkeyPolicyStore(client)
            answers = await asyncio.gather(
                ledger.claim(an_event("broken"), receipt="r-1"),
                ledger.claim(an_event("sound"), receipt="r-2"),
                policies.load("broken"),
                policies.load("sound"),
                return_exceptions=True,
            )
            assert [type(answer).__name__ for answer in answers] == [
                "StoreUnavailable",
                "Claim",
                "StoreUnavailable",
                "NoneType",
            ]
            assert (await ledger.totals()).accepted == 1

    asyncio.run(story())


def test_a_broken_record_that_is_due_does_not_stop_what_else_is(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client)
            await ledger.release(await granted(ledger))
            await client.set("nd:e:acme:broken", "not a record")
            await client.zadd("nd:due", {"acme:broken": 1, "acme:lost": 1})
            await ledger.release(await granted(ledger, "eventless"))
            await client.delete("nd:p:acme:eventless")
            assert [parcel.event["id"] for parcel in await ledger.take_due(10)] == ["e-1"]
            assert await ledger.take_due(10) == []
            assert await client.zscore("nd:due", "acme:lost") is None

    asyncio.run(story())


def test_operations_on_one_delivery_in_one_call_see_each_other(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client)
            first, again, other = await asyncio.gather(
                ledger.claim(an_event("e-1"), receipt="r-1"),
                ledger.claim(an_event("e-1"), receipt="r-1"),
                ledger.claim(an_event("e-1"), receipt="r-2"),
            )
            assert isinstance(first, Claim)
            assert (again, other) == (Refusal.REDELIVERED, Refusal.DUPLICATE)
            recorded = asyncio.gather(ledger.record(first, SENT), ledger.record(first, SENT))
            claims = asyncio.gather(
                ledger.claim(an_event("e-1"), receipt="r-1"),
                ledger.claim(an_event("e-1"), receipt="r-3"),
            )
            due = asyncio.ensure_future(ledger.take_due(10))
            assert all(await recorded)
            redelivered, duplicate = await claims
            assert redelivered is Refusal.REDELIVERED
            assert duplicate is Refusal.DUPLICATE
            assert await due == []
            totals = await ledger.totals()
            assert (totals.accepted, totals.sent, totals.skipped, totals.open) == (3, 1, 2, 0)

    asyncio.run(story())


def test_deliveries_that_finish_together_are_each_found(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client)
            await finish_many(ledger, 500)
            assert await client.xlen("nd:log") < 500
            assert await ledger.take_due(100_000) == []
            listed = await ledger.deliveries(DeliveryFilter(), limit=1000)
            assert len({delivery.event_id for delivery in listed}) == 500
            for turn in (0, 250, 499):
                [found] = await ledger.find(str(UUID(int=turn << 64 | 7)))
                assert found.receipt == str(UUID(int=turn << 64 | 9))

    asyncio.run(story())


def test_the_index_forgets_what_is_older_than_the_retention(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            name = b"acme:e-1"
            _, bucket = ledger_wire.place(name)
            old = b"\1" * 16  # an entry of 1970
            await client.set(b"nd:f:" + bucket, old * 63)
            ledger = ValkeyLedger(client)
            await ledger.record(await granted(ledger), SENT)
            assert await client.strlen(b"nd:f:" + bucket) == len(old)
            assert await ledger.claim(an_event("e-1"), receipt="r-2") is Refusal.DUPLICATE

    asyncio.run(story())


def test_a_full_store_takes_nothing_and_keeps_what_it_has(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client)
            claim = await granted(ledger)
            await client.config_set("maxmemory", 1)
            try:
                answers = await asyncio.gather(
                    ledger.record(claim, SENT), granted(ledger, "e-2"), return_exceptions=True
                )
                assert {type(answer) for answer in answers} == {StoreUnavailable}
            finally:
                await client.config_set("maxmemory", 0)
            assert [each.state for each in await ledger.deliveries(DeliveryFilter())] == [
                State.CLAIMED
            ]
            assert (await ledger.totals()).accepted == 1
            assert await ledger.record(claim, SENT)

    asyncio.run(story())


@pytest.mark.parametrize("owner", ["acme", INSTANCE])
def test_a_policy_that_cannot_be_read_is_not_taken_for_none(valkey_url: str, owner: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            policies = ValkeyPolicyStore(client)
            await policies.put("globex", {"passwordChange": True})
            for damage in (
                client.hset(f"nd:policy:{owner}", "sequence", "1"),
                client.set(f"nd:policy:{owner}", "1\tx\ty"),
                client.set(f"nd:policy:{owner}", "{}"),
            ):
                await client.delete(f"nd:policy:{owner}")
                await damage
                sick, sound = await asyncio.gather(
                    policies.effective("acme"), policies.load("globex"), return_exceptions=True
                )
                assert isinstance(sick, StoreUnavailable)
                assert isinstance(sound, Policy)

    asyncio.run(story())


def test_what_is_older_than_the_retention_is_forgotten(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client, retention=0.05)
            await ledger.record(await granted(ledger), SENT)

            async def forgotten() -> bool:
                listed = await ledger.deliveries(DeliveryFilter())
                return not listed and not await ledger.find("e-1", org_id="acme")

            await until(forgotten)
            await granted(ledger, receipt="r-2")

    asyncio.run(story())


def test_every_key_begins_with_the_prefix(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            ledger = ValkeyLedger(client, prefix="other:")
            await ValkeyPolicyStore(client, prefix="other:").put("acme", {"passwordChange": True})
            await ledger.record(await granted(ledger), SENT)
            await granted(ledger, "e-2")
            await ledger.reject({}, org_id="", event_id="", receipt="r-3", detail="bad")
            await ledger.revive("", "r-3")
            await installation_secret(client, "other:")
            keys = {str(key) for key in await client.keys()}
            assert len(keys) > 8
            assert all(key.startswith("b'other:") for key in keys)

    asyncio.run(story())


def test_the_secret_is_made_once(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            secrets = await asyncio.gather(*(installation_secret(client) for _ in range(5)))
            assert len(set(secrets)) == 1
            assert len(secrets[0]) == 32

    asyncio.run(story())


def test_policy_changes_are_kept_for_auditors(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            policies = ValkeyPolicyStore(client)
            await policies.put("acme", {"passwordChange": True}, by="task")
            await policies.put("acme", {"passwordChange": False}, by="cli:ada")
            await policies.remove("acme")
            lines = [
                to_bytes(line).decode().split("\t")
                for line in await client.lrange("nd:policy-changes:acme", 0, -1)
            ]
            assert [line[:1] + line[2:] for line in lines] == [
                ["1", "created", "task", "+passwordChange=1"],
                ["2", "changed", "cli:ada", "-passwordChange=1", "+passwordChange=0"],
                ["3", "removed", "", "-passwordChange=0"],
            ]

    asyncio.run(story())


async def finish(ledger: ValkeyLedger, turn: int) -> None:
    event = an_event(str(UUID(int=turn << 64 | 7)), org=str(348234923423490000 + turn % 100))
    claim = await ledger.claim(event, receipt=str(UUID(int=turn << 64 | 9)))
    assert isinstance(claim, Claim)
    assert SENT.attempt is not None
    attempt = replace(SENT.attempt, at=claim.accepted_at + timedelta(microseconds=12_345))
    await ledger.record(claim, replace(SENT, attempt=attempt, source="zitadel"))


async def finish_many(ledger: ValkeyLedger, number: int) -> None:
    for start in range(0, number, 500):
        await asyncio.gather(*(finish(ledger, turn) for turn in range(start, start + 500)))


def test_a_finished_deliverys_log_entry_costs_at_most_165_bytes(valkey_url: str) -> None:
    """With 35 bytes in the index, whose buckets fill up as they are used, that makes 200."""

    async def story() -> None:
        async with connect(valkey_url) as client:
            await finish_many(ValkeyLedger(client), 5_000)
            used = await client.memory_usage("nd:log", samples=0)
            assert used is not None
            assert used / 5_000 <= 165

    asyncio.run(story())


@pytest.mark.bench
def test_a_finished_delivery_costs_at_most_two_hundred_bytes(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            before = (await client.info("memory"))["used_memory"]
            await finish_many(ValkeyLedger(client), 100_000)
            after = (await client.info("memory"))["used_memory"]
            print(f"{(after - before) / 100_000:.1f} bytes")
            assert (after - before) / 100_000 <= 200

    asyncio.run(story())
