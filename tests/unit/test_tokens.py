"""Tokens of the API, over a store in memory."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatcher.access import Caller, Permission, Role, Token
from dispatcher.adapters.store.memory_tokens import MemoryTokenStore
from dispatcher.errors import (
    InvalidGrant,
    MembershipNotFound,
    StoreUnavailable,
    TokenNotFound,
    Unauthenticated,
)
from dispatcher.tokens import Issued, Tokens
from tests.builders import StandingClock

OWNER = frozenset({Role.ORG_OWNER})


class WatchedStore(MemoryTokenStore):
    """A store that tells what it was asked, and may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.touches: list[Mapping[str, datetime]] = []
        self.away = False

    async def find(self, token_id: str) -> Token | None:
        self.asked.append(token_id)
        return await super().find(token_id)

    async def touch(self, uses: Mapping[str, datetime]) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.touches.append(dict(uses))
        await super().touch(uses)


class Desk:
    """Tokens with what they stand on."""

    def __init__(self) -> None:
        self.store, self.clock = WatchedStore(), StandingClock()
        self.tokens = Tokens(self.store, self.clock)

    def issue(self, lifetime: timedelta | None = None) -> Issued:
        return asyncio.run(self.tokens.issue(org_id="acme", roles=OWNER, lifetime=lifetime))

    def resume(self, token_id: str) -> Caller:
        async def resumed() -> Caller:
            try:
                return await self.tokens.resume(token_id)
            finally:
                await self.tokens.close()

        return asyncio.run(resumed())

    def present(self, text: str) -> Caller:
        async def presented() -> Caller:
            try:
                return await self.tokens.authenticate(text)
            finally:
                await self.tokens.close()

        return asyncio.run(presented())


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_token_has_a_form_that_scanners_find(desk: Desk) -> None:
    text = desk.issue().text
    assert re.fullmatch(r"ndt_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", text)
    assert len({desk.issue().text for _ in range(50)}) == 50


def test_whoever_presents_a_token_is_who_it_was_made_for(desk: Desk) -> None:
    issued = desk.issue()
    assert desk.present(issued.text) == Caller(f"token:{issued.token.id}", "acme", OWNER)


def test_neither_the_token_nor_its_digest_is_in_what_may_be_logged(desk: Desk) -> None:
    issued = desk.issue()
    secret = issued.text.rpartition("_")[2]
    told = f"{issued!r} {issued.token!r} {issued.token}"
    assert secret not in told
    assert issued.token.digest.hex() not in told
    assert repr(issued.token.digest) not in told
    with pytest.raises(Unauthenticated) as refused:
        desk.present(issued.text[:-1])
    assert secret[:8] not in f"{refused.value!r}{refused.value}"


def test_all_that_is_kept_is_a_digest(desk: Desk) -> None:
    issued = desk.issue()
    kept = desk.store._tokens[issued.token.id]
    assert len(kept.digest) == 32
    assert issued.text not in str(kept.__reduce_ex__(2))


def test_the_right_id_with_another_secret_opens_nothing(desk: Desk) -> None:
    ours, other = desk.issue(), desk.issue()
    desk.store._tokens[ours.token.id] = desk.store._tokens[other.token.id]
    with pytest.raises(Unauthenticated):
        desk.present(ours.text)


def test_every_changed_character_is_found_without_asking_the_store(desk: Desk) -> None:
    text = desk.issue().text
    for at in range(len("ndt_"), len(text)):
        changed = "A" if text[at] != "A" else "B"
        with pytest.raises(Unauthenticated):
            desk.present(text[:at] + changed + text[at + 1 :])
    assert desk.store.asked == []


@given(st.text() | st.from_regex(r"ndt_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}"))
@example("")
@example("ndt_")
@example("ndt_" + "\ud800" * 62)
def test_nonsense_opens_nothing(text: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        Desk().present(text)
    assert (str(refused.value), refused.value.id) == ("Errors.Token.Invalid", "AUTH-7fs1e")


def test_unknown_revoked_expired_and_wrong_tokens_look_alike(desk: Desk) -> None:
    revoked, expired, unknown = desk.issue(), desk.issue(timedelta(seconds=1)), Desk().issue()
    asyncio.run(desk.tokens.revoke(revoked.token.id))
    desk.clock.advance(1)
    answers = set()
    for text in (revoked.text, expired.text, unknown.text, "nonsense"):
        with pytest.raises(Unauthenticated) as refused:
            desk.present(text)
        answers.add((str(refused.value), refused.value.id))
    assert len(answers) == 1


def test_a_token_is_valid_up_to_its_last_moment(desk: Desk) -> None:
    issued = desk.issue(timedelta(hours=1))
    desk.clock.advance(3599.9)
    desk.present(issued.text)
    desk.clock.advance(0.1)
    with pytest.raises(Unauthenticated):
        desk.present(issued.text)


def test_a_last_use_is_noted_once_a_minute(desk: Desk) -> None:
    issued = desk.issue()
    for _ in range(3):
        desk.present(issued.text)
    assert len(desk.store.touches) == 1
    desk.clock.advance(60)
    desk.present(issued.text)
    assert desk.store.touches[1] == {issued.token.id: desk.clock.now()}
    (listed,) = asyncio.run(desk.tokens.list())
    assert listed.last_used_at == desk.clock.now()


def test_a_store_that_takes_no_note_stops_nobody(desk: Desk) -> None:
    issued = desk.issue()
    desk.store.away = True
    assert desk.present(issued.text).org_id == "acme"


def test_an_unknown_token_cannot_be_revoked(desk: Desk) -> None:
    with pytest.raises(TokenNotFound):
        asyncio.run(desk.tokens.revoke("nowhere"))


@pytest.mark.parametrize(
    ("grant", "mistake"),
    [
        ({"roles": []}, "needs a role"),
        ({"roles": [Role.ORG_OWNER]}, "ORG_OWNER needs an organization"),
        ({"roles": [Role.ORG_OWNER], "org_id": "a b"}, "the organization's id"),
        ({"roles": [Role.IAM_OWNER], "org_id": "x" * 65}, "the organization's id"),
        ({"roles": [Role.IAM_OWNER], "name": "\x1b[31m"}, "the name"),
        ({"roles": [Role.IAM_OWNER], "lifetime": timedelta(0)}, "live for a while"),
        ({"roles": [Role.IAM_OWNER], "lifetime": timedelta(days=9**8)}, "cannot live that long"),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Desk, grant: dict[str, object], mistake: str) -> None:
    with pytest.raises(InvalidGrant, match=mistake):
        asyncio.run(desk.tokens.issue(**grant))  # type: ignore[arg-type] # as the cases say
    assert asyncio.run(desk.tokens.list()) == []


def test_twenty_organizations_tokens_open_their_own_and_tell_nothing_of_others() -> None:
    async def story() -> None:
        tokens = Tokens(MemoryTokenStore(), StandingClock())
        orgs = [f"org-{number}" for number in range(20)]
        texts = [
            (org, (await tokens.issue(org_id=org, roles={role})).text)
            for org in orgs
            for role in list(Role)[5:] * 4
        ]
        assert len(texts) == 400
        answers = set()
        for org, text in texts:
            caller = await tokens.authenticate(text)
            for other in [*orgs, "unknown"]:
                for permission in Permission:
                    if other == org:
                        continue
                    with pytest.raises(MembershipNotFound) as refused:
                        caller.organization(other, permission)
                    answers.add((str(refused.value), refused.value.id))
        assert answers == {("membership not found", "AUTHZ-cdgFk")}
        await tokens.close()

    asyncio.run(story())


def test_who_was_recognized_is_known_by_the_tokens_id_until_that_is_worth_nothing() -> None:
    desk = Desk()
    issued = desk.issue(timedelta(days=1))
    token_id = issued.token.id
    assert desk.resume(token_id) == desk.present(issued.text)
    desk.clock.advance(86_400)
    for unknown in (token_id, "nobody", ""):
        with pytest.raises(Unauthenticated):
            desk.resume(unknown)
    lasting = desk.issue().token.id
    asyncio.run(desk.tokens.revoke(lasting))
    with pytest.raises(Unauthenticated):
        desk.resume(lasting)
