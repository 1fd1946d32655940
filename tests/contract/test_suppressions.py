"""What every store of suppressions promises: idempotent, paged, and bounces that lapse."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.memory_suppressions import MemorySuppressionStore
from dispatcher.adapters.store.readings import Readings
from dispatcher.adapters.store.valkey_correspondence import ValkeyCorrespondence
from dispatcher.adapters.store.valkey_suppressions import ValkeySuppressionStore
from dispatcher.bootstrap import SystemClock
from dispatcher.ports import SuppressionStore
from dispatcher.suppression import EVERYWHERE, Suppression, SuppressionReason

Story = Callable[[SuppressionStore], Awaitable[None]]
Play = Callable[[Story], None]

NOW = SystemClock().now()
ADA, EVE = "00000000000000a1", "00000000000000e1"


@pytest.fixture(params=["memory", "valkey"])
def play(request: pytest.FixtureRequest) -> Iterator[Play]:
    """Run a story in one of the worlds."""
    if request.param == "memory":
        yield lambda story: asyncio.run(_in_memory(story))
    else:
        url = request.getfixturevalue("valkey_url")
        yield lambda story: asyncio.run(_in_valkey(story, url))


async def _in_memory(story: Story) -> None:
    await story(MemorySuppressionStore(SystemClock()))


async def _in_valkey(story: Story, url: str) -> None:
    async with connect(url) as client:
        await client.flushall()
        await story(ValkeySuppressionStore(client))


def bounced(
    recipient: str = ADA, scope: str = "acme", *, since: datetime = NOW, days: float = 30
) -> Suppression:
    until = since + timedelta(days=days)
    reason = SuppressionReason.HARD_BOUNCE
    return Suppression(scope, recipient, reason, since, "5.1.1", "evt-1", until)


def forbidden(recipient: str = ADA, scope: str = "acme", note: str = "") -> Suppression:
    return Suppression(scope, recipient, SuppressionReason.OPERATOR, NOW, note)


def test_what_is_added_is_found_in_its_scope_only(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        kept = await store.add(bounced())
        assert (kept.suppression, kept.before) == (bounced(), None)
        assert await store.find("acme", ADA) == bounced()
        assert await store.find("globex", ADA) is None
        assert await store.find(EVERYWHERE, ADA) is None
        assert await store.find("acme", EVE) is None

    play(story)


def test_a_further_bounce_prolongs_and_keeps_the_first_story(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        await store.add(bounced())
        later = replace(bounced(since=NOW + timedelta(days=1)), detail="5.1.6", event_id="evt-2")
        kept = await store.add(later)
        assert kept.before == bounced()
        assert kept.suppression == replace(bounced(), until=later.until)
        assert (await store.add(bounced())).suppression.until == later.until
        assert await store.count() == 1

    play(story)


def test_an_operators_word_outranks_a_bounce_and_never_lapses(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        earlier = NOW - timedelta(hours=1)
        await store.add(bounced(since=earlier))
        kept = await store.add(forbidden(note="left the company"))
        expected = replace(forbidden(note="left the company"), since=earlier)
        assert kept.suppression == expected
        again = await store.add(bounced())
        assert (again.suppression, again.before) == (expected, expected)
        assert (await store.add(forbidden())).suppression == expected

    play(story)


def test_what_is_removed_is_returned_and_gone(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        assert await store.remove("acme", ADA) is None
        await store.add(bounced())
        assert await store.remove("acme", ADA) == bounced()
        assert await store.find("acme", ADA) is None
        assert (await store.page()).suppressions == ()
        assert await store.count("acme") == 0

    play(story)


def test_a_reason_can_be_demanded_of_what_is_removed(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        await store.add(forbidden())
        reason = SuppressionReason.HARD_BOUNCE
        assert await store.remove("acme", ADA, reason=reason) is None
        assert await store.find("acme", ADA) == forbidden()

    play(story)


def test_a_bounce_lapses_everywhere_it_shows(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        ends = SystemClock().now() + timedelta(milliseconds=30)
        await store.add(replace(bounced(), until=ends))
        await store.add(forbidden(EVE))
        deadline = ends + timedelta(seconds=5)
        while (  # noqa: ASYNC110 - it is the store's clock that we wait for
            await store.find("acme", ADA) and SystemClock().now() < deadline
        ):
            await asyncio.sleep(0.005)
        assert (await store.page()).suppressions == (forbidden(EVE),)
        assert (await store.count(), await store.count("acme")) == (1, 1)
        again = await store.add(bounced())
        assert again.before is None

    play(story)


def test_pages_go_on_behind_each_other_newest_first(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        added = [
            bounced(f"{number:016x}", "acme" if number % 2 else "globex", since=since)
            for number in range(7)
            for since in [NOW - timedelta(seconds=number // 2)]  # some share their time
        ]
        for one in added:
            await store.add(one)
        seen: list[Suppression] = []
        behind = ""
        while True:
            page = await store.page(behind=behind, limit=3)
            seen += page.suppressions
            if not (behind := page.behind):
                break
            await store.remove(seen[-1].scope, seen[-1].recipient)
        assert len(seen) == len(set(seen)) == len(added)
        assert [one.since for one in seen] == sorted((o.since for o in added), reverse=True)

    play(story)


def test_a_scope_is_listed_and_counted_by_itself(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        for scope in ("acme", "globex", EVERYWHERE):
            await store.add(forbidden(scope=scope))
        assert (await store.page("globex")).suppressions == (forbidden(scope="globex"),)
        assert (await store.page(EVERYWHERE)).suppressions == (forbidden(scope=EVERYWHERE),)
        assert (await store.count(), await store.count("acme")) == (3, 1)

    play(story)


def test_a_note_with_line_ends_and_tabs_stays_one_note(play: Play) -> None:
    async def story(store: SuppressionStore) -> None:
        await store.add(forbidden(note="a\tb\nc"))
        found = await store.find("acme", ADA)
        assert found is not None
        assert found.detail.split() == ["a", "b", "c"]

    play(story)


def test_the_walk_reads_what_was_written(valkey_url: str) -> None:
    async def story() -> None:
        async with connect(valkey_url) as client:
            await client.flushall()
            store = ValkeySuppressionStore(client)
            reading = ValkeyCorrespondence(Readings(client), lambda _, sealed: sealed.decode())
            assert (await reading.terms("acme", ADA)).suppression is None
            await store.add(bounced())
            assert (await reading.terms("acme", ADA)).suppression == bounced()
            assert (await reading.terms("globex", ADA)).suppression is None
            await store.add(forbidden(scope=EVERYWHERE))
            everywhere = (await reading.terms("acme", ADA)).suppression
            assert everywhere == forbidden(scope=EVERYWHERE)

    asyncio.run(story())
