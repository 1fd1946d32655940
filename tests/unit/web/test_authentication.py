"""From an ``authorization`` header to a caller."""

import asyncio
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatcher.access import Caller, Role
from dispatcher.adapters.store.memory_tokens import MemoryTokenStore
from dispatcher.errors import Unauthenticated
from dispatcher.tokens import Tokens
from dispatcher.web.authentication import BearerAuthenticator
from tests.builders import StandingClock

SOMEBODY = Caller("subject:u-1", "acme", frozenset({Role.ORG_OWNER}))


class Issuer:
    """Takes every token it is shown, and remembers them."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    async def authenticate(self, text: str) -> Caller:
        self.shown.append(text)
        return SOMEBODY


def authenticate(
    authorization: str | None, *, issuer: Issuer | None = None, is_strict: bool = False
) -> Caller:
    tokens = Tokens(MemoryTokenStore(), StandingClock())
    authenticator = BearerAuthenticator(tokens, issuer, is_strict=is_strict)
    return asyncio.run(authenticator.authenticate(authorization))


def refusal(authorization: str | None, *, is_strict: bool = False) -> tuple[str, str]:
    with pytest.raises(Unauthenticated) as refused:
        authenticate(authorization, issuer=Issuer(), is_strict=is_strict)
    return str(refused.value), refused.value.id


MISSING = ("auth header missing", "")
NO_BEARER = ("invalid auth header", "AUTH-toLo1")
NO_TOKEN = ("Errors.Token.Invalid", "AUTH-7fs1e")


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (None, MISSING),
        ("", MISSING),
        ("Bearer", NO_BEARER),
        ("Basic YTpi", NO_BEARER),
        ("Bearer a b", NO_BEARER),
        ("Bearer  a", NO_BEARER),
        (" Bearer a", NO_BEARER),
        ("Bearer\ta", NO_BEARER),
        ("Bearer ", NO_TOKEN),
        ("Bearer a", NO_TOKEN),
        ("Bearer a.b", NO_TOKEN),
        ("Bearer a.b.c.d.e", NO_TOKEN),
        ("Bearer ä.b.c", NO_TOKEN),
        ("Bearer a.b.c\n", NO_TOKEN),
        ("Bearer ndt_a.b.c", NO_TOKEN),
        ("Bearer " + "a." * 2 + "a" * 8_192, NO_TOKEN),
    ],
)
def test_each_kind_of_header_has_its_answer(
    authorization: str | None, expected: tuple[str, str]
) -> None:
    assert refusal(authorization) == refusal(authorization, is_strict=True) == expected


@given(st.text() | st.from_regex(r"Bearer [\x21-\x7e]*", fullmatch=True))
@example("Bearer \ud800")
@example("bearer ndt_" + "0" * 62)
def test_whatever_a_header_holds_it_is_refused_in_one_of_three_ways(authorization: str) -> None:
    issuer, answer = Issuer(), ("", "")
    try:
        authenticate(authorization, issuer=issuer)
    except Unauthenticated as refused:
        answer = str(refused), refused.id
    assert bool(issuer.shown) != (answer in {MISSING, NO_BEARER, NO_TOKEN})
    assert all(re.fullmatch(r"[A-Za-z0-9._~+/=-]+", text) for text in issuer.shown)


def test_the_schemes_name_knows_no_case_but_for_zitadel() -> None:
    assert authenticate("bEARER a.b.c", issuer=Issuer()) == SOMEBODY
    assert refusal("bearer a.b.c", is_strict=True) == NO_BEARER


def test_an_access_token_goes_to_the_issuer_and_nothing_else_does() -> None:
    issuer = Issuer()
    assert authenticate("Bearer a.b.c", issuer=issuer) == SOMEBODY
    assert issuer.shown == ["a.b.c"]


def test_without_an_issuer_no_access_token_counts() -> None:
    with pytest.raises(Unauthenticated):
        authenticate("Bearer a.b.c")


def test_our_own_token_opens() -> None:
    async def story() -> None:
        tokens = Tokens(MemoryTokenStore(), StandingClock())
        issued = await tokens.issue(org_id="acme", roles={Role.ORG_OWNER})
        caller = await BearerAuthenticator(tokens).authenticate(f"Bearer {issued.text}")
        assert caller.org_id == "acme"
        await tokens.close()

    asyncio.run(story())
