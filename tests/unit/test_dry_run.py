"""What another policy would have done, from the log."""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from dispatcher import dry_run
from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.delivery import (
    Dead,
    DeadReason,
    DeferReason,
    Deferred,
    Outcome,
    Report,
    Sent,
    Skipped,
    SkipReason,
)
from dispatcher.dry_run import Day, DryRun, Forecast
from dispatcher.ports import Claim
from tests.builders import NOON, StandingClock, an_event

TRIGGER = "password_change"

OUTCOMES: dict[str, Outcome] = {
    "sent": Sent(),
    "off": Skipped(SkipReason.POLICY_OFF),
    "unset": Skipped(SkipReason.POLICY_UNSET),
    "nobody": Skipped(SkipReason.NO_RECIPIENT),
    "later": Deferred(DeferReason.TEMPORARY, 5.0),
    "dead": Dead(DeadReason.REJECTED_RECIPIENT),
}


class Ledger:
    """A ledger, and its days."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.ledger = MemoryLedger(self.clock)

    async def has(self, name: str, *, trigger: str = TRIGGER, org: str = "acme") -> None:
        event = an_event(f"{name}-{trigger}-{self.clock.time:%d}", org=org)
        claim = await self.ledger.claim(event, receipt=f"message-{event.id}")
        assert isinstance(claim, Claim)
        await self.ledger.record(claim, Report(OUTCOMES[name], trigger))

    async def forecast(self, *, on: bool, **rest: Any) -> Forecast:
        supposing = DryRun(self.ledger, self.clock)
        return await supposing.forecast("acme", trigger=TRIGGER, on=on, **rest)


def test_what_a_policy_stopped_would_have_been_told_and_the_other_way_round() -> None:
    async def story() -> tuple[Forecast, Forecast]:
        ledger = Ledger()
        for name in OUTCOMES:
            await ledger.has(name)
        ledger.clock.advance(86_400)
        await ledger.has("off")
        await ledger.has("sent", trigger="another_kind")
        await ledger.has("sent", org="globex")
        return await ledger.forecast(on=True), await ledger.forecast(on=False)

    on, off = asyncio.run(story())
    first, second = date(2026, 11, 24), date(2026, 11, 25)
    assert on.days == {first: Day(6, 2, 4), second: Day(1, 0, 1)}
    assert on.total == Day(7, 2, 5)
    assert off.days == {first: Day(6, 2, 0), second: Day(1, 0, 0)}
    assert not on.is_partial


def test_it_looks_back_a_week_unless_told_otherwise() -> None:
    async def story() -> tuple[Forecast, Forecast]:
        ledger = Ledger()
        await ledger.has("off")
        ledger.clock.advance(6 * 86_400)
        await ledger.has("off")
        recent = ledger.clock.now() - timedelta(hours=1)
        return await ledger.forecast(on=True), await ledger.forecast(on=True, since=recent)

    week, hour = asyncio.run(story())
    assert (week.total.would_be_told, hour.total.would_be_told) == (2, 1)
    assert week.since == NOON + timedelta(seconds=1, days=-1)


def test_it_says_where_there_were_more_than_it_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "MOST_DELIVERIES", 2)

    async def story() -> Forecast:
        ledger = Ledger()
        for name in ("off", "sent", "dead"):
            await ledger.has(name)
        return await ledger.forecast(on=True)

    forecast = asyncio.run(story())
    assert (forecast.is_partial, forecast.total.events) == (True, 2)
