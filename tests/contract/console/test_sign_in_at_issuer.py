"""Signing in at an OIDC issuer: authorization code with PKCE, and what is refused."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx

from dispatcher.adapters.oidc.claims import ClaimsMap, parse_role_map
from dispatcher.adapters.oidc.opening import open_issuer
from dispatcher.web.console.oidc import OidcSignIn
from dispatcher.web.console.sessions import COOKIE
from tests.contract.console.booth import Booth, an_open_booth
from tests.contract.console.sign_in_server import AUDIENCE, CLIENT, SignInServer, sign_in_server

Story = Callable[[Booth, SignInServer, httpx.AsyncClient], Coroutine[Any, Any, None]]
START = "/console/sign-in/issuer"


def play(story: Story, secret: str = "") -> None:
    async def run(server: SignInServer) -> None:
        claims_map = ClaimsMap("roles", "org", parse_role_map(""))
        server.claims = {"roles": ["ORG_OWNER"], "org": "acme"}
        booth = Booth(sso=OidcSignIn(server.url, CLIENT, secret, "openid profile"))
        async with open_issuer(server.url, AUDIENCE, claims_map, booth.clock) as issuer:
            booth.issuer = issuer
            async with (
                an_open_booth(booth),
                httpx.AsyncClient(base_url=booth.url, trust_env=False, timeout=10) as http,
            ):
                await story(booth, server, http)

    with sign_in_server() as server:
        asyncio.run(run(server))


async def to_issuer_and_back(http: httpx.AsyncClient, start: str = START) -> httpx.Response:
    """Go there as a browser does; return the answer to coming back."""
    there = await http.get(start)
    assert there.status_code == 302, there.text
    back = await http.get(there.headers["location"])
    assert back.status_code == 302
    return await http.get(back.headers["location"])


def test_who_comes_back_from_the_issuer_is_known_as_at_the_api() -> None:
    async def story(booth: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        form = await http.get("/console/sign-in?next=/console/dead-letters")
        assert "Sign in with your organization" in form.text
        answer = await to_issuer_and_back(http, f"{START}?next=/console/dead-letters")
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/dead-letters")
        page = await http.get("/console/dead-letters")
        assert (page.status_code, "subject:ada" in page.text) == (200, True)
        (asked,) = server.asked
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == f"{booth.url}/console/sign-in/callback"
        assert asked["scope"] == "openid profile"

    play(story)


def test_a_session_ends_with_the_access_token_that_began_it() -> None:
    async def story(booth: Booth, _: SignInServer, http: httpx.AsyncClient) -> None:
        await to_issuer_and_back(http)
        for _minute in range(2):
            booth.clock.advance(20 * 60)
            assert (await http.get("/console/deliveries")).status_code == 200
        booth.clock.advance(20 * 60)
        assert (await http.get("/console/deliveries")).status_code == 303

    play(story)


async def stay(
    booth: Booth, server: SignInServer, http: httpx.AsyncClient, minutes: int
) -> httpx.Response:
    """Look at a page every now and then; return the last answer."""
    for _ in range(minutes // 5):
        booth.clock.advance(5 * 60)
        server.now = booth.clock.now().timestamp()
        await http.get("/console/deliveries")
    return await http.get("/console/deliveries")


def test_the_issuer_is_asked_for_the_next_token_and_so_whether_a_person_may_still_come() -> None:
    async def story(booth: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        server.gives_renewals = True
        await to_issuer_and_back(http)
        first = set(server.renewals)
        assert (await stay(booth, server, http, 50)).status_code == 200
        assert server.renewals == first
        assert (await stay(booth, server, http, 120)).status_code == 200
        assert len(server.renewals) == 1
        assert server.renewals != first
        server.claims |= {"roles": ["ORG_USER_MANAGER"]}
        assert (await stay(booth, server, http, 70)).status_code == 403
        server.renewals.clear()
        assert (await stay(booth, server, http, 70)).status_code == 303

    play(story)


def test_no_session_at_an_issuer_lasts_longer_than_twelve_hours() -> None:
    async def story(booth: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        server.gives_renewals = True
        await to_issuer_and_back(http)
        assert (await stay(booth, server, http, 12 * 60 - 5)).status_code == 200
        assert (await stay(booth, server, http, 5)).status_code == 303

    play(story)


def test_a_glance_asks_the_issuer_for_nothing() -> None:
    async def story(booth: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        server.gives_renewals = True
        await to_issuer_and_back(http)
        kept = set(server.renewals)
        assert (await stay(booth, server, http, 50)).status_code == 200
        booth.clock.advance(5 * 60)
        server.now = booth.clock.now().timestamp()
        assert (await http.get("/console/live", headers={"x-live": "1"})).status_code == 401
        assert server.renewals == kept
        assert (await http.get("/console/deliveries")).status_code == 200

    play(story)


def test_somebody_elses_next_token_ends_the_session() -> None:
    async def story(booth: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        server.gives_renewals = True
        await to_issuer_and_back(http)
        server.claims |= {"sub": "mallory"}
        assert (await stay(booth, server, http, 50)).status_code == 200
        assert (await stay(booth, server, http, 10)).status_code == 303

    play(story)


def test_an_id_token_that_answers_another_question_is_refused() -> None:
    async def story(_: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        server.nonce = "another"
        assert (await to_issuer_and_back(http)).status_code == 401

    play(story)


def test_tokens_are_neither_in_the_cookie_nor_readable_in_the_store() -> None:
    async def story(booth: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        await to_issuer_and_back(http)
        token = server.access_token().split(".")[1]
        assert token not in http.cookies[COOKIE]
        assert all(token.encode() not in sealed for sealed, _ in booth.sessions._kept.values())

    play(story)


def test_roles_that_permit_nothing_here_open_no_session() -> None:
    async def story(_: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        for claims in ({"roles": ["ORG_EVENT_PUBLISHER"], "org": "acme"}, {"roles": [], "org": ""}):
            server.claims = claims
            answer = await to_issuer_and_back(http)
            assert answer.status_code == 401
            assert (await http.get("/console/deliveries")).status_code == 303

    play(story)


def test_a_token_for_somebody_else_opens_no_session() -> None:
    async def story(_: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        server.claims |= {"aud": "another-api"}
        assert (await to_issuer_and_back(http)).status_code == 401
        assert (await http.get("/console/deliveries")).status_code == 303

    play(story)


def test_who_was_refused_there_is_told_so_here() -> None:
    async def story(_: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        server.refuses = True
        answer = await to_issuer_and_back(http)
        assert (answer.status_code, "access_denied" in answer.text) == (401, True)

    play(story)


def test_a_sign_in_that_began_elsewhere_is_not_finished_here() -> None:
    async def story(booth: Booth, server: SignInServer, http: httpx.AsyncClient) -> None:
        there = await http.get(START)
        back = await http.get(there.headers["location"])
        async with httpx.AsyncClient(base_url=booth.url, trust_env=False) as victim:
            answer = await victim.get(back.headers["location"])
            assert answer.status_code == 401
            assert (await victim.get("/console/deliveries")).status_code == 303
        for query in ("", "?code=x", "?state=x", "?code=x&state=y"):
            answer = await http.get(f"/console/sign-in/callback{query}")
            assert answer.status_code == 401, query
        assert len(server.asked) == 1

    play(story)


def test_a_code_counts_once() -> None:
    async def story(_: Booth, __: SignInServer, http: httpx.AsyncClient) -> None:
        there = await http.get(START)
        back = await http.get(there.headers["location"])
        assert (await http.get(back.headers["location"])).status_code == 303
        assert (await http.get(back.headers["location"])).status_code == 401

    play(story)


def test_an_issuer_that_is_away_is_told_as_such() -> None:
    async def story(booth: Booth, _: SignInServer, http: httpx.AsyncClient) -> None:
        assert booth.sso is not None
        booth.sso._client.server_metadata = {}  # type: ignore[attr-defined] # of this class
        booth.sso._client._server_metadata_url = "http://127.0.0.1:9/x"  # type: ignore[attr-defined] # of this class
        answer = await http.get(START)
        assert answer.status_code == 503
        assert "issuer" in answer.text

    play(story)


def test_without_an_issuer_there_is_no_such_way() -> None:
    async def run() -> None:
        async with (
            an_open_booth() as booth,
            httpx.AsyncClient(base_url=booth.url, trust_env=False) as http,
        ):
            assert (await http.get(START)).status_code == 403
            assert "with your organization" not in (await http.get("/console/sign-in")).text

    asyncio.run(run())
