"""How an installation is doing, as the store tells it."""

import asyncio
from datetime import timedelta

import pytest

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.soundings import Sounding, Soundings
from dispatcher.adapters.store.valkey_ledger import ValkeyLedger
from dispatcher.delivery import Dead, DeadReason, DeferReason, Deferred, Outcome, Report, Sent
from dispatcher.errors import StoreUnavailable
from dispatcher.ports import Claim
from tests.builders import an_event

EMPTY = Sounding(accepted=0, unfinished=0, oldest_due=0.0, dead_letters=0, uncertain=0)


def test_an_empty_store_has_nothing_to_tell(valkey_url: str) -> None:
    async def story() -> None:
        client = connect(valkey_url)
        try:
            assert await Soundings(client).take() == EMPTY
        finally:
            await client.aclose()

    asyncio.run(story())


def test_what_waits_what_died_and_what_is_late_is_told(valkey_url: str) -> None:
    async def story() -> None:
        client = connect(valkey_url)
        ledger, soundings = ValkeyLedger(client, lease=0.05), Soundings(client)
        try:
            outcomes: list[Outcome] = [
                Sent(),
                Dead(DeadReason.EXPIRED),
                Deferred(DeferReason.TEMPORARY, 0.0),
            ]
            for number, outcome in enumerate(outcomes):
                claim = await ledger.claim(an_event(f"e-{number}"), receipt=f"r-{number}")
                assert isinstance(claim, Claim)
                await ledger.record(claim, Report(outcome))
            await ledger.claim(an_event("e-abandoned"), receipt="r")
            async with asyncio.timeout(5):
                while (found := await soundings.take()).oldest_due < 0.1:  # noqa: ASYNC110 - time is the store's
                    await asyncio.sleep(0.01)
            assert (found.accepted, found.unfinished, found.dead_letters) == (4, 2, 1)
            assert found.oldest_due < timedelta(seconds=5).total_seconds()
            await ledger.claim(an_event("e-abandoned"), receipt="r")  # its lease has run out
            assert (await soundings.take()).uncertain == 1
        finally:
            await client.aclose()

    asyncio.run(story())


def test_a_store_that_is_away_is_told_so() -> None:
    async def story() -> None:
        client = connect("unix:///nowhere/at/all")
        try:
            for ask in (Soundings(client).take, Soundings(client).ping):
                with pytest.raises(StoreUnavailable):
                    await ask()
        finally:
            await client.aclose()

    asyncio.run(story())
